-- Each calibration once, by category and environment, the one that comes with cotmonitor too. `in_force`: the newest.
SELECT {calibrations.columns}, `shipped`, `calibration_id` = first_value(`calibration_id`) OVER (
    ORDER BY CASE WHEN `shipped` THEN 1 ELSE 0 END, `calibrated_at` DESC, `calibration_id`
) AS `in_force`
FROM (
    SELECT
        {calibrations.columns}, false AS `shipped`,
        row_number() OVER (
            PARTITION BY `calibration_id`, `category`, `environment` ORDER BY `calibrated_at` DESC
        ) AS place
    FROM {raw.calibrations}
    UNION ALL
    SELECT {calibrations.columns}, true AS `shipped`, 1 AS place
    FROM {shipped.rows}
) ranked
WHERE place = 1
