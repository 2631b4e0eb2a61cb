-- What each monitor's score is worth by the calibration in force: `weight * (llr + slope * (x - score))` from `score` on.
WITH parts AS (
    SELECT `calibration_id`, `shipped`, `category`, explode(`maps`) AS m
    FROM calibrations
    WHERE `in_force` AND `environment` = '*'
),
stretches AS (
    SELECT
        `calibration_id`, `shipped`, `category`, m.`monitor` AS `monitor`, m.`digest` AS `digest`,
        m.`weight` AS `weight`, explode(m.`pieces`) AS p
    FROM parts
)
SELECT
    `calibration_id`, `shipped`, `category`, `monitor`, `digest`, `weight`,
    p.`score` AS `score`, p.`until` AS `until`, p.`llr` AS `llr`, p.`slope` AS `slope`
FROM stretches
