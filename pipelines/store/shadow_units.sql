-- The newest shadow unit of each (file, monitor): what was judged beside what counts.
SELECT {units.columns}
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY `file`, `monitor`
            ORDER BY CASE WHEN `sample` IS NULL THEN 0 ELSE 1 END, `sequence` DESC, `unit_id`, `run_id`
        ) AS place
    FROM {raw.units}
    WHERE `shadow`
) ranked
WHERE place = 1
