-- A trace with its alerts, where at least one is more than informational, and what people said of them. Flagged ones come
-- first, then the most suspicious. Its dimensions are those of its worst alert.
WITH verdicts AS (
    SELECT
        `finding_id`,
        array_join(array_sort(array_distinct(collect_list(`verdict`))), ', ') AS `review`,
        sum(CASE `verdict` WHEN 'true_positive' THEN 1 ELSE 0 END) AS `true_positives`,
        sum(CASE `verdict` WHEN 'false_positive' THEN 1 ELSE 0 END) AS `false_positives`,
        sum(CASE `verdict` WHEN 'unsure' THEN 1 ELSE 0 END) AS `unsure`
    FROM reviews
    GROUP BY `finding_id`
),
ranked AS (
    SELECT
        l.*, {rank(l.level)} AS severity, v.`review`, v.`true_positives`, v.`false_positives`, v.`unsure`,
        row_number() OVER (
            PARTITION BY l.`trace_key` ORDER BY {rank(l.level)} DESC, l.`score` DESC, l.`monitor`, l.`behaviour`
        ) AS place
    FROM weighed_alerts l
    LEFT JOIN verdicts v ON l.`finding_id` = v.`finding_id`
),
grouped AS (
    SELECT
        a.`trace_key`,
        max(a.`score`) AS `score`,
        max(a.`suspicion`) AS `suspicion`,
        max(CASE WHEN a.`flagged` THEN 1 ELSE 0 END) = 1 AS `flagged`,
        count(*) AS `findings`,
        {list(place, alert_id, finding_id, monitor, behaviour, stance, level, score, review)} AS `alerts`,
        count(a.`review`) AS `reviewed`,
        CAST(sum(coalesce(a.`true_positives`, 0)) AS BIGINT) AS `true_positives`,
        CAST(sum(coalesce(a.`false_positives`, 0)) AS BIGINT) AS `false_positives`,
        CAST(sum(coalesce(a.`unsure`, 0)) AS BIGINT) AS `unsure`
    FROM ranked a
    GROUP BY a.`trace_key`
)
SELECT
    g.`trace_key`, w.`trace_id`, w.`episode_id`, w.`window_index`, w.`rollout_group`, w.`model`, w.`checkpoint`,
    w.`training_step`, w.`training_run`, w.`environment`, w.`task_id`, w.`started_at`, w.`reward`, w.`success`,
    w.`level`, g.`suspicion`, g.`flagged`, g.`score`, g.`findings`, g.`alerts`, g.`reviewed`, g.`true_positives`, g.`false_positives`, g.`unsure`,
    w.`file`, w.`row_group`, w.`row`
FROM grouped g
JOIN ranked w ON g.`trace_key` = w.`trace_key` AND w.place = 1
WHERE w.`level` <> 'informational'
ORDER BY g.`flagged` DESC, g.`suspicion` DESC NULLS FIRST, w.severity DESC, g.`score` DESC, g.`findings` DESC, g.`trace_key`
