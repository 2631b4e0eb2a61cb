"""The promises as great_expectations suites, run as checkpoints over the frames of metrics. Imports GX when called."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from html import escape, unescape
from typing import TYPE_CHECKING, Any

from schemas.contracts.promise import Promise
from schemas.contracts.report import Result

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

NOT_MEASURED = "not measured"
WORST = 5  # subjects named in a message; the docs have them all


def quieten() -> None:
    """Before GX is imported: nothing phones home, and no progress bar reaches the user."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    os.environ["TQDM_DISABLE"] = "1"


def validate(
    frames: Mapping[str, Sequence[Mapping[str, Any]]], promised: Sequence[Promise]
) -> dict[str, ExpectationSuiteValidationResult]:
    """One checkpoint per frame, in a context that lives in memory only."""
    quieten()
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("metrics")
    results = {}
    for table in frames:
        own = [promise for promise in promised if promise.table == table]
        if not own:
            continue
        suite = gx.ExpectationSuite(
            name=table,
            expectations=[
                gxe.ExpectColumnValuesToBeBetween(
                    column=promise.metric,
                    min_value=promise.minimum,
                    max_value=promise.maximum,
                    severity=promise.severity,
                    description=promise.says,
                )
                for promise in own
            ],
        )
        batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")
        definition = gx.ValidationDefinition(name=table, data=batch, suite=context.suites.add(suite))
        checkpoint = gx.Checkpoint(
            name=table,
            validation_definitions=[context.validation_definitions.add(definition)],
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["about"]},
        )
        # GX's pages print the index of what it found as it is, and file names are not ours: escape them first.
        frame = pd.DataFrame([{**row, "about": escape(row["about"])} for row in frames[table]])
        for promise in own:
            if promise.metric not in frame:
                frame[promise.metric] = float("nan")  # no figure at all: the result below says "not measured"
        outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
        (results[table],) = outcome.run_results.values()
    return results


def judged(
    promise: Promise,
    frame: Sequence[Mapping[str, Any]],
    found: ExpectationValidationResult,
    why_absent: str | None,
) -> Result:
    """One expectation's result in our words. A figure that is absent without a reason is a failure, never a pass."""
    named = [(row["about"], row[promise.metric]) for row in frame if row.get(promise.metric) is not None]
    bad = [(unescape(row["about"]), row[promise.metric]) for row in found.result.get("unexpected_index_list") or ()]
    ok = bool(found.success)
    if bad:
        bad.sort(key=lambda pair: -abs(pair[1]))
        observed = "; ".join(f"{about}: {figure(value)}" for about, value in bad[:WORST])
        observed += f" and {len(bad) - WORST} more" if len(bad) > WORST else ""
    elif not ok:
        observed = f"no answer: great_expectations could not check it ({_why(found)})"
    elif not named:
        ok = ok and why_absent is not None
        observed = f"{NOT_MEASURED} ({why_absent or 'no figure was computed'})"
    else:
        observed = figure(max(value for _, value in named))
    return Result(
        promise.table,
        promise.metric,
        promise.says,
        observed,
        promise.expected,
        promise.severity,
        ok,
        promise.setting,
        promise.allow,
    )


def _why(found: ExpectationValidationResult) -> str:
    """What GX says of an expectation that raised: either one note, or one per metric."""
    info: Mapping[str, Any] = found.exception_info or {}
    notes = [info] if "exception_message" in info else list(info.values())
    return next((str(n["exception_message"]) for n in notes if n.get("exception_message")), "it did not say why")


def figure(value: float) -> str:
    """A count or a share as a person reads it.

    >>> figure(12345.0), figure(0.98765)
    ('12,345', '0.988')
    """
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.3g}"
