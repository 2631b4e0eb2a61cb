-- Each audit once: the last time that its question was asked.
SELECT {audits.columns}
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY `audit_id` ORDER BY `audited_at` DESC, `seconds`
        ) AS place
    FROM {raw.audits}
) ranked
WHERE place = 1
