-- How often each behaviour was flagged, by model, checkpoint, training step, training run and environment.
--
-- The stance `any` counts the traces that it alerted on; each other stance those in which it was found at all, also where
-- it was turned down, quoted or allowed (level informational), so that arms of an experiment can be compared.
-- A behaviour counts a trace as assessed where its monitor read a channel in which it looks for that behaviour;
-- `without_reasoning` says of how many of these the reasoning was absent or sealed, so that only the rest was read.
-- `low` and `high` are a 95 % Wilson interval (Wilson 1927) on the effective sample size (Korn & Graubard 1998): the
-- assessed traces over the design effect, the linearised variance between clusters over the binomial one. A cluster is a
-- rollout group, else a task, else a trace. With no trace or every trace flagged, the clusters are the sample. Otherwise
-- few clusters make the interval wider still, by the t distribution with their degrees of freedom.
WITH monitors_run AS (
    SELECT explode(`monitors`) AS m FROM {raw.runs}
),
behaviours_run AS (
    SELECT m.`monitor` AS `monitor`, m.`digest` AS digest, explode(m.`behaviours`) AS b FROM monitors_run
),
scopes AS (  -- what each monitor in use looks for, and where
    SELECT
        `monitor`, digest, b.`behaviour` AS `behaviour`,
        array_sort(array_distinct(flatten(collect_list(b.`channels`)))) AS channels
    FROM behaviours_run
    WHERE digest IN (SELECT `monitor_digest` FROM units)
    GROUP BY `monitor`, digest, b.`behaviour`
),
profiles AS (  -- behaviours that are looked for in the same channels are counted together: far fewer sums
    SELECT
        `monitor`, `behaviour`,
        array_join(array_sort(collect_list(concat(digest, ':', array_join(channels, ',')))), ';') AS profile
    FROM scopes
    GROUP BY `monitor`, `behaviour`
),
profile_scopes AS (
    SELECT DISTINCT s.`monitor`, p.profile, s.digest, s.channels
    FROM scopes s
    JOIN profiles p ON s.`monitor` = p.`monitor` AND s.`behaviour` = p.`behaviour`
),
labelled AS (
    SELECT
        `trace_key`, `model`, `checkpoint`, `training_step`, `training_run`, `environment`,
        {stratum(model, checkpoint, training_step, training_run, environment)} AS stratum,
        coalesce('g' || `rollout_group`, 't' || `task_id`, 'k' || `trace_key`) AS cluster
    FROM traces
),
strata AS (
    SELECT
        stratum, `model`, `checkpoint`, `training_step`, `training_run`, `environment`, count(*) AS `traces`
    FROM labelled
    GROUP BY stratum, `model`, `checkpoint`, `training_step`, `training_run`, `environment`
),
looks AS (
    SELECT l.stratum, l.cluster, a.`trace_key`, a.`monitor`, a.`monitor_digest` AS digest, a.`channels` AS channels
    FROM assessments a
    JOIN labelled l ON a.`trace_key` = l.`trace_key`
    WHERE a.`state` = 'assessed'
),
cells AS (
    SELECT stratum, cluster, `monitor`, digest, channels, count(*) AS n
    FROM looks
    GROUP BY stratum, cluster, `monitor`, digest, channels
),
sizes AS (  -- traces assessed in each cluster, and those of them whose reasoning was not there to be read
    SELECT
        c.stratum, c.cluster, c.`monitor`, p.profile, CAST(sum(c.n) AS DOUBLE) AS m,
        sum(CASE WHEN array_contains(c.channels, 'reasoning') THEN 0 ELSE c.n END) AS silent
    FROM cells c
    JOIN profile_scopes p ON c.`monitor` = p.`monitor` AND c.digest = p.digest
    WHERE arrays_overlap(c.channels, p.channels)
    GROUP BY c.stratum, c.cluster, c.`monitor`, p.profile
),
totals AS (
    SELECT
        stratum, `monitor`, profile, sum(m) AS assessed, count(*) AS clusters, sum(m * m) AS mm, sum(silent) AS silent
    FROM sizes
    GROUP BY stratum, `monitor`, profile
),
by_stance AS (  -- traces flagged in each cluster
    SELECT
        k.stratum, k.cluster, a.`monitor`, a.`behaviour`, a.`stance` AS stance, CAST(count(*) AS DOUBLE) AS y,
        CAST(sum(CASE WHEN a.`level` = 'informational' THEN 0 ELSE 1 END) AS DOUBLE) AS loud
    FROM alerts a
    JOIN looks k ON a.`trace_key` = k.`trace_key` AND a.`monitor` = k.`monitor`
    JOIN scopes s ON s.`monitor` = a.`monitor` AND s.digest = k.digest AND s.`behaviour` = a.`behaviour`
    WHERE arrays_overlap(k.channels, s.channels)
    GROUP BY k.stratum, k.cluster, a.`monitor`, a.`behaviour`, a.`stance`
),
hits AS (
    SELECT stratum, cluster, `monitor`, `behaviour`, stance, y FROM by_stance
    UNION ALL
    SELECT stratum, cluster, `monitor`, `behaviour`, 'any' AS stance, sum(loud) AS y
    FROM by_stance
    GROUP BY stratum, cluster, `monitor`, `behaviour`
),
sums AS (
    SELECT
        h.stratum, h.`monitor`, h.`behaviour`, h.stance,
        sum(h.y) AS y, sum(h.y * h.y) AS yy, sum(h.y * z.m) AS ym
    FROM hits h
    JOIN profiles p ON h.`monitor` = p.`monitor` AND h.`behaviour` = p.`behaviour`
    JOIN sizes z
        ON h.stratum = z.stratum AND h.cluster = z.cluster AND h.`monitor` = z.`monitor` AND p.profile = z.profile
    GROUP BY h.stratum, h.`monitor`, h.`behaviour`, h.stance
),
stances AS (
    SELECT `monitor`, `behaviour`, 'any' AS stance FROM profiles
    UNION
    SELECT `monitor`, `behaviour`, stance FROM by_stance
),
counted AS (
    SELECT
        s.`model`, s.`checkpoint`, s.`training_step`, s.`training_run`, s.`environment`,
        p.`monitor`, p.`behaviour`, w.stance, s.`traces`,
        coalesce(t.assessed, 0.0) AS n, coalesce(t.clusters, 0) AS k, coalesce(t.mm, 0.0) AS mm,
        coalesce(t.silent, 0) AS silent,
        coalesce(x.y, 0.0) AS y, coalesce(x.yy, 0.0) AS yy, coalesce(x.ym, 0.0) AS ym
    FROM strata s
    CROSS JOIN profiles p
    JOIN stances w ON p.`monitor` = w.`monitor` AND p.`behaviour` = w.`behaviour`
    LEFT JOIN totals t ON s.stratum = t.stratum AND p.`monitor` = t.`monitor` AND p.profile = t.profile
    LEFT JOIN sums x
        ON s.stratum = x.stratum AND p.`monitor` = x.`monitor` AND p.`behaviour` = x.`behaviour` AND w.stance = x.stance
),
shares AS (
    SELECT *, CASE WHEN n > 0 THEN y / n END AS p FROM counted
),
spread AS (  -- the variance of the share, from how much the clusters differ
    SELECT
        *,
        CASE WHEN k > 1 AND n > 0 THEN k / (k - 1.0) * greatest(yy - 2 * p * ym + p * p * mm, 0.0) / (n * n) END AS v
    FROM shares
),
effective AS (
    SELECT
        *,
        CASE
            WHEN n = 0 THEN NULL
            WHEN y = 0 OR y = n THEN CAST(k AS DOUBLE)
            WHEN k = 1 THEN CAST(1 AS DOUBLE)
            WHEN v <= p * (1 - p) / n THEN n * power({t(n)} / {t(k)}, 2)
            ELSE p * (1 - p) / v * power({t(n)} / {t(k)}, 2)
        END AS e
    FROM spread
)
SELECT
    `model`, `checkpoint`, `training_step`, `training_run`, `environment`, `monitor`, `behaviour`, stance AS `stance`,
    `traces`, CAST(n AS BIGINT) AS `assessed`, CAST(silent AS BIGINT) AS `without_reasoning`,
    CAST(y AS BIGINT) AS `flagged`, k AS `tasks`, p AS `rate`,
    CASE
        WHEN n = 0 THEN NULL
        WHEN y = 0 THEN CAST(0 AS DOUBLE)
        ELSE greatest(0.0, (p + {zz} / (2 * e) - {z} * sqrt(p * (1 - p) / e + {zz} / (4 * e * e))) / (1 + {zz} / e))
    END AS `low`,
    CASE
        WHEN n = 0 THEN NULL
        WHEN y = n THEN CAST(1 AS DOUBLE)
        ELSE least(1.0, (p + {zz} / (2 * e) + {z} * sqrt(p * (1 - p) / e + {zz} / (4 * e * e))) / (1 + {zz} / e))
    END AS `high`
FROM effective
