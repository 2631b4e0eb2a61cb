-- A trace with its alerts, worst first, and what people said of them.
SELECT
    c.`trace_key`, t.`trace_id`, t.`episode_id`, t.`window_index`, t.`rollout_group`, t.`model`, t.`checkpoint`,
    t.`training_step`, t.`training_run`, t.`environment`, t.`task_id`, t.`started_at`, t.`reward`, t.`success`,
    {level(c.rank)} AS `level`, c.`score`, c.`findings`, c.`alerts`, c.`reviewed`, c.`true_positives`,
    c.`false_positives`, c.`unsure`, t.`replicas`, t.`id_conflict`, t.`file`, t.`row_group`, t.`row`
FROM (
    SELECT
        a.`trace_key`,
        max(a.rank) AS rank,
        max(a.`score`) AS `score`,
        count(*) AS `findings`,
        {list(place, alert_id, finding_id, monitor, behaviour, stance, level, score, review)} AS `alerts`,
        count(a.`review`) AS `reviewed`,
        CAST(sum(coalesce(a.`true_positives`, 0)) AS BIGINT) AS `true_positives`,
        CAST(sum(coalesce(a.`false_positives`, 0)) AS BIGINT) AS `false_positives`,
        CAST(sum(coalesce(a.`unsure`, 0)) AS BIGINT) AS `unsure`
    FROM (
        SELECT
            l.`trace_key`, l.`alert_id`, l.`finding_id`, l.`monitor`, l.`behaviour`, l.`stance`, l.`level`, l.`score`,
            {rank(l.level)} AS rank, v.`review`, v.`true_positives`, v.`false_positives`, v.`unsure`,
            row_number() OVER (
                PARTITION BY l.`trace_key` ORDER BY {rank(l.level)} DESC, l.`score` DESC, l.`monitor`, l.`behaviour`
            ) AS place
        FROM alerts l
        LEFT JOIN (
            SELECT
                `finding_id`,
                array_join(array_sort(array_distinct(collect_list(`verdict`))), ', ') AS `review`,
                sum(CASE `verdict` WHEN 'true_positive' THEN 1 ELSE 0 END) AS `true_positives`,
                sum(CASE `verdict` WHEN 'false_positive' THEN 1 ELSE 0 END) AS `false_positives`,
                sum(CASE `verdict` WHEN 'unsure' THEN 1 ELSE 0 END) AS `unsure`
            FROM reviews
            GROUP BY `finding_id`
        ) v ON l.`finding_id` = v.`finding_id`
    ) a
    GROUP BY a.`trace_key`
) c
JOIN traces t ON c.`trace_key` = t.`trace_key`
ORDER BY c.rank DESC, c.`score` DESC, c.`findings` DESC, c.`trace_key`
