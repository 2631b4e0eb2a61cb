-- What would change if the shadows were in force: each finding of theirs or, on traces that both looked at, of the live
-- monitor of the same name. `new`: only the shadow has it; `gone`: only the live one; `level`: both, at other levels.
WITH looked AS (
    SELECT s.`trace_key`, s.`monitor`
    FROM shadow_assessments s
    JOIN assessments l ON s.`trace_key` = l.`trace_key` AND s.`monitor` = l.`monitor`
    WHERE s.`state` = 'assessed' AND l.`state` = 'assessed'
),
live AS (
    SELECT a.* FROM alerts a JOIN looked k ON a.`trace_key` = k.`trace_key` AND a.`monitor` = k.`monitor`
)
SELECT
    coalesce(s.`finding_id`, l.`finding_id`) AS `finding_id`,
    CASE
        WHEN l.`finding_id` IS NULL THEN 'new'
        WHEN s.`finding_id` IS NULL THEN 'gone'
        WHEN s.`level` <> l.`level` THEN 'level'
        ELSE 'same'
    END AS `change`,
    coalesce(s.`monitor`, l.`monitor`) AS `monitor`,
    coalesce(s.`behaviour`, l.`behaviour`) AS `behaviour`,
    coalesce(s.`environment`, l.`environment`) AS `environment`,
    coalesce(s.`trace_key`, l.`trace_key`) AS `trace_key`,
    coalesce(s.`trace_id`, l.`trace_id`) AS `trace_id`,
    l.`level` AS `live_level`,
    s.`level` AS `shadow_level`,
    l.`alert_id` AS `live_alert_id`,
    s.`alert_id` AS `shadow_alert_id`,
    k.`trace_key` IS NOT NULL AS `both_looked`
FROM shadow_alerts s
FULL OUTER JOIN live l ON s.`finding_id` = l.`finding_id`
LEFT JOIN looked k
    ON k.`trace_key` = coalesce(s.`trace_key`, l.`trace_key`) AND k.`monitor` = coalesce(s.`monitor`, l.`monitor`)
