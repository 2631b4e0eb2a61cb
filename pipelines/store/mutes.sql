-- The newest word on each mute. `in_force`: it was not lifted, and its last day (UTC) is not past.
SELECT {mutes.columns}, (NOT `lifted` AND `last_day` >= current_date) AS `in_force`
FROM (
    SELECT *, row_number() OVER (PARTITION BY `mute_id` ORDER BY `set_at` DESC, `lifted`, `last_day`) AS place
    FROM {raw.mutes}
) ranked
WHERE place = 1
