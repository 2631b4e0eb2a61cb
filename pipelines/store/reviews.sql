-- The newest verdict of each reviewer on each finding.
SELECT {reviews.columns}
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY `finding_id`, `reviewer` ORDER BY `reviewed_at` DESC, `verdict`, `note`
        ) AS place
    FROM {raw.reviews}
) ranked
WHERE place = 1
