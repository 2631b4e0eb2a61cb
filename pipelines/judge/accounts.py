"""What judges cost and saw, as the books have it: by run, and for a reader of alerts."""

from __future__ import annotations

# beside each run: its calls, the share of them that the cache answered, how long the others took (median and 95 in
# 100, in seconds; those of a batch have no time of their own), and what was not assessed, by monitor's reason
OF_RUNS = """
WITH listed AS (
    SELECT * FROM runs ORDER BY started_at DESC, run_id DESC LIMIT ?
),
called AS (
    SELECT j.run_id, count(*) AS calls, avg(j.cached::INT) AS cached_share,
           sum(j.prompt_tokens + j.completion_tokens) FILTER (NOT j.cached)::BIGINT AS tokens,
           median(j.seconds) FILTER (NOT j.cached AND j.attempts > 0) AS latency_p50,
           quantile_cont(j.seconds, 0.95) FILTER (NOT j.cached AND j.attempts > 0) AS latency_p95
    FROM raw.judgements j SEMI JOIN listed USING (run_id) GROUP BY j.run_id
),
unseen AS (
    SELECT run_id, string_agg(reason || ' ' || n, ', ' ORDER BY n DESC, reason) AS not_assessed
    FROM (
        SELECT a.run_id, a.reason, count(*) AS n FROM raw.assessments a
        JOIN raw.units u USING (unit_id, run_id) SEMI JOIN listed USING (run_id)
        WHERE a.state = 'not_assessed' GROUP BY a.run_id, a.reason
    ) GROUP BY run_id
)
SELECT {columns} FROM listed r LEFT JOIN called c USING (run_id) LEFT JOIN unseen n USING (run_id)
ORDER BY r.started_at DESC, r.run_id DESC
"""
SHORT = r"""
    r.run_id, r.status, r.started_at, r.seconds, r.files, r."rows", r.traces, r.dead, r.alerts, n.not_assessed,
    r.cost_usd, c.calls, c.cached_share, c.latency_p50, c.latency_p95,
    regexp_replace(r.error, '\s*\n\s*', ' | ', 'g') AS error
"""
WHOLE = "r.*, n.not_assessed, c.calls, c.cached_share, c.tokens, c.latency_p50, c.latency_p95"
OF_JUDGES = ("cost_usd", "calls", "cached_share", "latency_p50", "latency_p95")  # of no interest where no judge was

# each judge's reading of a trace: of the window whose quotes were found, else of the first
SUMMARIES = """
SELECT trace_key, monitor, arg_min(judge_summary, (CASE WHEN quote_found THEN 0 ELSE 1 END, judge_window)) AS summary
FROM judgements WHERE judge_summary IS NOT NULL GROUP BY trace_key, monitor
"""


def of_runs(short: bool) -> str:
    """The query for the newest runs; its one value is how many."""
    return OF_RUNS.format(columns=SHORT if short else WHOLE)
