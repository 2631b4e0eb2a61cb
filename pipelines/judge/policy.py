"""Which traces the judge reads: a function of the policy, the traces and what is stored, and of nothing else.

It is decided over the whole run at once, in the store's own words: a budget must know who is the most suspicious.
No text is read for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from monitors.judge.prompt import judge_prompt
from monitors.judge.settings import AskSettings
from monitors.judge.windows import estimated_windows
from pipelines.judge.settings import JudgeSettings
from schemas.behaviours import BEHAVIOURS
from schemas.ledger import INGEST
from schemas.results import CHOSEN_BY, LEVELS
from schemas.trace import CHANNELS

NOT_ESCALATED, OVER_BUDGET, NO_REASONING, REDACTED = "not_escalated", "over_budget", "no_reasoning", "redacted"
ANSWER_TOKENS_SPENT = 1.0  # share of the longest answer that an estimate counts: all of it

ROWS = pa.schema(
    [
        ("file", pa.string()),
        ("row_group", pa.int32()),
        ("row", pa.int64()),
        ("trace_key", pa.string()),
        ("chosen_by", pa.string()),  # null: not chosen
        ("audit", pa.bool_()),
        ("reason", pa.string()),  # why it is not asked about; null: it is
        ("calls", pa.int64()),
        ("booked", pa.list_(pa.int32())),  # windows whose answers an earlier run has in its books
        ("replica", pa.bool_()),  # another row of the same trace comes before it
    ]
)

# every trace of the files in question, with what the cheap monitors say of it
_TRACES = f"""
CREATE TEMP TABLE done AS
    SELECT w.file, w.monitor, u.unit_id, arg_max(u.run_id, u.sequence) AS run_id
    FROM wanted w JOIN raw.units u ON u.unit_id = w.unit_id GROUP BY ALL;
CREATE TEMP TABLE seen AS
    SELECT t.file, t.row_group, t."row", t.trace_key, t.steps, t.redacted_steps, t.environment,
           {", ".join(f"t.{c}_chars" for c in CHANNELS)}
    FROM raw.traces t JOIN done d ON t.unit_id = d.unit_id AND t.run_id = d.run_id AND d.monitor = '{INGEST}';
CREATE TEMP TABLE scores AS
    SELECT a.trace_key, max(a.score) AS suspicion
    FROM raw.assessments a JOIN done d ON a.unit_id = d.unit_id AND a.run_id = d.run_id
    WHERE a.state = 'assessed' GROUP BY a.trace_key;
CREATE TEMP TABLE flagged AS
    SELECT a.trace_key, list(DISTINCT a.behaviour) AS behaviours
    FROM raw.alerts a JOIN done d ON a.unit_id = d.unit_id AND a.run_id = d.run_id
    WHERE a."level" <> '{LEVELS[0]}' GROUP BY a.trace_key;
"""
_CANDIDATES = """
SELECT trace_key, any_value(suspicion) AS suspicion, any_value(behaviours) AS behaviours,
       max(reasoning_chars + action_chars + output_chars + memory_chars) AS own, max(prompt_chars) AS prompt,
       max(observation_chars) AS observation, max(steps) AS steps
FROM seen LEFT JOIN scores USING (trace_key) LEFT JOIN flagged USING (trace_key)
GROUP BY trace_key ORDER BY trace_key
"""

# an answer that cannot be used was paid for, too
_BOOKED = """
SELECT trace_key, list(DISTINCT judge_window) FROM raw.judgements
WHERE question_digest = ? AND (verdict IS NOT NULL OR prompt_tokens + completion_tokens > 0) GROUP BY trace_key
"""


@dataclass(frozen=True, slots=True)
class Source:
    """The files in question: which units hold their traces and what the cheap monitors said of them."""

    wanted: pa.Table  # file, monitor (`ingest` too), unit_id

    @classmethod
    def of(cls, units: Sequence[tuple[str, str, str]]) -> Source:
        columns = list(zip(*units, strict=True)) if units else [(), (), ()]
        return cls(
            pa.table(
                {n: pa.array(c, pa.string()) for n, c in zip(("file", "monitor", "unit_id"), columns, strict=True)}
            )
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The decision: a row per trace (schema ROWS), and what the calls come to. Money is None without a price."""

    rows: pa.Table
    traces: int
    by: dict[str, int]  # traces to be asked about, by reason
    calls: int
    tokens: int
    usd: float | None
    over_budget: int
    free: int  # traces whose answers an earlier run has paid for


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a dry run tells of a decision: tokens and money estimated from above, money None without a price."""

    traces: int
    by: dict[str, int]
    calls: int
    tokens: int
    usd: float | None
    over_budget: int
    free: int

    @classmethod
    def of(cls, c: Chosen) -> Foreseen:
        return cls(c.traces, c.by, c.calls, c.tokens, c.usd, c.over_budget, c.free)


@dataclass(slots=True)
class _Candidate:
    key: str
    by: str | None
    audit: bool
    place: float  # in the audit's order
    suspicion: float
    own: int
    calls: int
    tokens: int
    usd: float
    free: bool = False
    over: bool = False


def audit_place(trace_key: str, seed: str) -> float:
    """A number from 0 to 1 by which a trace is drawn for the audit: as good as chance, and the same each time."""
    data = f"audit:{seed}:{trace_key}".encode()
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") / 2**64


def choose(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    settings: JudgeSettings,
    ask: AskSettings,
    answered: Callable[[str], bool] = lambda call_id: False,
) -> Chosen:
    """Apply the policy to the traces of a store; `answered` says whether the cache has the answer to a call.

    The audit's share comes first, in the order of its own chance, so that what a small budget leaves of it is still a
    random draw. Then come the most suspicious. Answers in an earlier run's books cost nothing again.
    """
    con.register("wanted", source.wanted)
    con.execute(_TRACES)
    booked = dict(con.execute(_BOOKED, [ask.digest]).fetchall())
    found = [_candidate(row, settings, ask) for row in con.execute(_CANDIDATES).fetchall()]
    for c in found:
        c.free = 0 in booked.get(c.key, ()) and answered(ask.call_id(c.key, 0))
    _spend(found, settings)
    rows = _rows(con, found, booked)
    asked = [c for c in found if c.by and not c.over]
    paid = [c for c in asked if not c.free]
    return Chosen(
        rows,
        len(found),
        {by: n for by in CHOSEN_BY if (n := sum(c.by == by for c in asked))},
        sum(c.calls for c in paid),
        sum(c.tokens for c in paid),
        sum(c.usd for c in paid) if settings.price else None,
        sum(c.over for c in found),
        len(asked) - len(paid),
    )


def _candidate(row: tuple[object, ...], settings: JudgeSettings, ask: AskSettings) -> _Candidate:
    key, suspicion, behaviours, own, prompt, observation, steps = row
    policy = settings.escalate
    place = audit_place(str(key), policy.audit_seed)
    audit = place < policy.audit_share
    by = None
    if own:
        if suspicion is None:
            by = "unseen"
        elif set(behaviours or ()) & set(policy.behaviours):  # type: ignore[call-overload]
            by = "behaviour"
        elif policy.score[0] <= float(suspicion) <= policy.score[1]:  # type: ignore[arg-type]
            by = "score"
        elif audit:
            by = "audit"
    windows = estimated_windows(own, prompt, observation, steps, ask)  # type: ignore[arg-type]
    shown = min(own + prompt + min(observation, steps * ask.observation_chars), windows * ask.window_chars)  # type: ignore
    instructions = len(judge_prompt().text) + 40 * len(BEHAVIOURS)
    asked = int((shown + windows * (instructions + (ask.head_chars if windows > 1 else 0))) / settings.chars_per_token)
    answer = int(windows * ask.max_completion_tokens * ANSWER_TOKENS_SPENT)
    usd = settings.price.usd(asked, 0, answer, settings.mode == "batch") if settings.price else 0.0
    score = 1.0 if suspicion is None else float(suspicion)  # type: ignore[arg-type]
    return _Candidate(str(key), by, audit and bool(own), place, score, int(own), windows, asked + answer, usd)  # type: ignore


def _spend(found: Sequence[_Candidate], settings: JudgeSettings) -> None:
    """Take traces in order until the budget is spent; the rest is over it. What is free is always in."""
    limits = settings.budget
    most = [limits.calls, limits.tokens, limits.usd]
    spent = [0.0, 0.0, 0.0]
    full = False
    wanted = [c for c in found if c.by and not c.free]
    for c in sorted(wanted, key=lambda c: (not c.audit, c.place if c.audit else -c.suspicion, c.place, c.key)):
        after = [s + x for s, x in zip(spent, (c.calls, c.tokens, c.usd), strict=True)]
        full = full or any(limit is not None and a > limit for a, limit in zip(after, most, strict=True))
        c.over = full
        if not full:
            spent = after


def _rows(con: duckdb.DuckDBPyConnection, found: Sequence[_Candidate], booked: dict[str, list[int]]) -> pa.Table:
    decided = pa.table(
        {
            "trace_key": pa.array([c.key for c in found], pa.string()),
            "chosen_by": pa.array([c.by for c in found], pa.string()),
            "audit": pa.array([c.audit for c in found], pa.bool_()),
            "over": pa.array([c.over for c in found], pa.bool_()),
            "own": pa.array([c.own for c in found], pa.int64()),
            "calls": pa.array([c.calls for c in found], pa.int64()),
            "booked": pa.array([booked.get(c.key, []) for c in found], pa.list_(pa.int32())),
        }
    )
    con.register("decided", decided)
    query = f"""
        SELECT s.file, s.row_group, s."row", s.trace_key, d.chosen_by, d.audit,
               CASE WHEN d.own = 0 AND s.redacted_steps > 0 THEN '{REDACTED}' WHEN d.own = 0 THEN '{NO_REASONING}'
                    WHEN d.chosen_by IS NULL THEN '{NOT_ESCALATED}' WHEN d.over THEN '{OVER_BUDGET}' END AS reason,
               d.calls, d.booked,
               row_number() OVER (PARTITION BY s.trace_key ORDER BY s.file, s.row_group, s."row") > 1 AS replica
        FROM seen s JOIN decided d USING (trace_key) ORDER BY s.file, s.row_group, s."row"
    """
    return con.sql(query).to_arrow_table().cast(ROWS)
