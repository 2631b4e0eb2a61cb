-- The alerts that a mute in force covers, each once, by the mute that ends last.
SELECT `alert_id`, `finding_id`, `mute_id`, `owner`, `reason`, `last_day`
FROM (
    SELECT
        a.`alert_id`, a.`finding_id`, m.`mute_id`, m.`owner`, m.`reason`, m.`last_day`,
        row_number() OVER (PARTITION BY a.`alert_id` ORDER BY m.`last_day` DESC, m.`mute_id`) AS place
    FROM alerts a
    JOIN mutes m
        ON m.`in_force`
        AND coalesce(m.`finding_id`, a.`finding_id`) = a.`finding_id`
        AND coalesce(m.`signature`, a.`signature`) = a.`signature`
        AND coalesce(m.`monitor`, a.`monitor`) = a.`monitor`
        AND coalesce(m.`behaviour`, a.`behaviour`) = a.`behaviour`
        AND (m.`environment` IS NULL OR m.`environment` = a.`environment`)
        AND (m.`rule` IS NULL OR array_contains(a.`rules`, m.`rule`))
) ranked
WHERE place = 1
