-- The alerts of the assessments that count: one per trace, monitor and behaviour.
SELECT {a.alerts.columns}
FROM {raw.alerts} a
JOIN (
{assessments.of_alerts}
) s
    ON a.`trace_key` = s.`trace_key`
    AND a.`monitor` = s.`monitor`
    AND a.`unit_id` = s.`unit_id`
    AND a.`run_id` = s.`run_id`
    AND a.`file` = s.`file`
    AND a.`row_group` = s.`row_group`
    AND a.`row` = s.`row`
