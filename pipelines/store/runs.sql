-- The last word of each run. One that never said how it ended is done if it committed units, and else unfinished.
SELECT
    r.`run_id`, r.`recorded_at`,
    CASE
        WHEN r.`status` <> 'running' THEN r.`status`
        WHEN c.`run_id` IS NOT NULL THEN 'done'
        ELSE 'unfinished'
    END AS `status`,
    r.`started_at`, r.`seconds`, r.`run_date`, r.`code_version`, r.`config`, r.`monitors`,
    CASE WHEN r.`status` = 'running' THEN coalesce(c.`files`, r.`files`) ELSE r.`files` END AS `files`,
    CASE WHEN r.`status` = 'running' THEN coalesce(c.`rows`, r.`rows`) ELSE r.`rows` END AS `rows`,
    CASE WHEN r.`status` = 'running' THEN coalesce(c.`traces`, r.`traces`) ELSE r.`traces` END AS `traces`,
    CASE WHEN r.`status` = 'running' THEN coalesce(c.`dead`, r.`dead`) ELSE r.`dead` END AS `dead`,
    CASE WHEN r.`status` = 'running' THEN coalesce(c.`alerts`, r.`alerts`) ELSE r.`alerts` END AS `alerts`,
    r.`cost_usd`, r.`contracts`, r.`error`
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY `run_id`
            ORDER BY `recorded_at` DESC, CASE `status` WHEN 'running' THEN 1 ELSE 0 END, `status`
        ) AS place
    FROM {raw.runs}
) r
LEFT JOIN (
    SELECT
        `run_id`, count(*) AS `files`, CAST(sum(`rows`) AS BIGINT) AS `rows`, CAST(sum(`traces`) AS BIGINT) AS `traces`,
        CAST(sum(`dead`) AS BIGINT) AS `dead`, CAST(sum(`alerts`) AS BIGINT) AS `alerts`
    FROM (
        SELECT
            `run_id`, `file`, max(`rows`) AS `rows`, max(`traces`) AS `traces`, max(`dead`) AS `dead`,
            sum(`alerts`) AS `alerts`
        FROM {raw.units}
        GROUP BY `run_id`, `file`
    ) per_file
    GROUP BY `run_id`
) c ON r.`run_id` = c.`run_id`
WHERE r.place = 1
