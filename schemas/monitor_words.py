"""Names by which monitors and reviewers call what they make, so that an export knows them without knowing monitors.

Written out by hand: what writes training data may not import the tables of alerts. A test holds the list to them.
"""

from __future__ import annotations

import re

# columns of the store's tables that a trace does not have
NAMES = frozenset(
    (
        *("alert_id", "finding_id", "run_id", "unit_id", "run_date", "monitor", "monitor_version", "monitor_digest"),
        *("rules", "category", "behaviour", "stance", "sanctioned", "level", "score", "threshold", "channel"),
        *("channels", "evidence", "signature", "rationale", "canary", "schema_version", "state", "reason"),
        *("call_id", "verdict", "quote_found", "prompt_tokens", "completion_tokens", "cost_usd", "seconds", "cached"),
        *("attempts", "error", "note", "reviewer", "reviewed_at", "test_gaming", "hidden_objective"),
        *("calibration_id", "calibrated_at", "target_fpr", "keep_level"),
        *("question_digest", "judge_window", "judge_summary", "audit_drawn", "chosen_by"),
    )
)
# wherever one of these begins a word of a name, or ends one, a monitor or a reviewer is not far
STEMS = (
    *("alert", "finding", "monitor", "behaviour", "behavior", "stance", "sanction", "rationale", "suspic", "flagged"),
    *("label", "verdict", "judg", "canary", "review", "severity", "hack", "cheat", "misalign", "scheming", "decept"),
    *("oversight", "redflag", "cotmonitor", "sabotage"),
)
TOKENS = frozenset(("flag", "flags", "score", "scores", "threshold", "level", "rules", "rule", "fp", "tp"))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def is_monitor_word(name: str) -> bool:
    """Whether a column or key of this name is likely what a monitor or a reviewer made; in doubt, yes.

    >>> [is_monitor_word(n) for n in ("alertId", "cheating.score", "is_flagged", "difficulty", "scorecard", "seed")]
    [True, True, True, False, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    joined = "_".join(words)
    if joined in NAMES or TOKENS & set(words):
        return True
    return any(word.startswith(stem) for word in [*words, "".join(words)] for stem in STEMS)
