-- The calls to judges behind the current units, each once.
SELECT {judgements.columns}
FROM (
    SELECT
        j.*,
        row_number() OVER (
            PARTITION BY j.`trace_key`, j.`monitor`, j.`call_id` ORDER BY u.`sequence` DESC, j.`unit_id`
        ) AS place
    FROM {raw.judgements} j
    JOIN units u ON j.`unit_id` = u.`unit_id` AND j.`run_id` = u.`run_id`
) ranked
WHERE place = 1
