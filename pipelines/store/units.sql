-- The newest unit of each (file, monitor). A sample never hides a whole, however new it is; a shadow is none of these.
SELECT {units.columns}
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY `file`, `monitor`
            ORDER BY CASE WHEN `sample` IS NULL THEN 0 ELSE 1 END, `sequence` DESC, `unit_id`, `run_id`
        ) AS place
    FROM {raw.units}
    WHERE coalesce(`shadow`, false) = false
) ranked
WHERE place = 1
