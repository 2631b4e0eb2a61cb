-- The alerts, each with how suspicious its trace is of that category and whether the trace is flagged.
SELECT
    {a.alerts.columns}, s.`suspicion`, s.`threshold` AS `suspicion_threshold`, coalesce(s.`flagged`, true) AS `flagged`,
    s.`flagged_by`, s.`scores`, s.`calibration_id`
FROM alerts a
LEFT JOIN (
{suspicion.of_alerts}
) s
    ON a.`trace_key` = s.`trace_key` AND a.`category` = s.`category`
