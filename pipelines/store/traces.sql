-- Every trace once, with how many replicas of it there are. id_conflict: its trace_id stands for other content too.
SELECT {traces.columns}, `replicas`, count(*) OVER (PARTITION BY `trace_id`) > 1 AS `id_conflict`
FROM (
    SELECT
        t.*,
        row_number() OVER (
            PARTITION BY t.`trace_key` ORDER BY u.`sequence` DESC, t.`file`, t.`row_group`, t.`row`
        ) AS place,
        count(*) OVER (PARTITION BY t.`trace_key`) AS `replicas`
    FROM {raw.traces} t
    JOIN units u ON t.`unit_id` = u.`unit_id` AND t.`run_id` = u.`run_id`
) ranked
WHERE place = 1
