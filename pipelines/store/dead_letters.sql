-- What was not taken of the files as they were last read.
SELECT {d.dead_letters.columns}
FROM {raw.dead_letters} d
JOIN units u ON d.`unit_id` = u.`unit_id` AND d.`run_id` = u.`run_id`
