-- One assessment per trace and monitor. Of several replicas, the one that was looked at, then the one looked at last.
SELECT {assessments.columns}
FROM (
    SELECT
        a.*,
        row_number() OVER (
            PARTITION BY a.`trace_key`, a.`monitor`
            ORDER BY
                CASE a.`state` WHEN 'assessed' THEN 0 ELSE 1 END, u.`sequence` DESC, a.`file`, a.`row_group`, a.`row`
        ) AS place
    FROM {raw.assessments} a
    JOIN units u ON a.`unit_id` = u.`unit_id` AND a.`run_id` = u.`run_id`
    WHERE a.`trace_key` IN (
        SELECT t.`trace_key`
        FROM {raw.traces} t
        JOIN units i ON t.`unit_id` = i.`unit_id` AND t.`run_id` = i.`run_id`
    ){narrowed}
) ranked
WHERE place = 1
