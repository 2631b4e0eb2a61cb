"""The page that shows an audit: one HTML file that needs nothing but itself, every foreign word escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from pipelines.audit.figure import odds_ratios
from pipelines.audit.finding import CHECKS, VERDICTS, Finding, RowRef
from pipelines.audit.report import (
    BAD,
    MEANS,
    UNKNOWN,
    AuditSummary,
    canary,
    interval,
    is_bad,
    number,
    ordered,
    told,
    verdict_words,
)
from schemas.contracts.page import STYLE

CHANNELS = {
    "L0": "a grader reads the reasoning",
    "L1": "a monitor's words or scores in a row",
    "L2": "selection: which rows, how often, in what order",
    "L3": "rewards or labels changed",
    "L4": "loss masks or weights",
    "L5": "file names, row groups, metadata",
    "L6": "people who join the two tables",
    "L7": "text about the monitors",
    "L8": "people who act on aggregates",
}
ASKS = {
    "certificate": "does the export's certificate hold?",
    "canary": "does anything carry a monitor's canary?",
    "containment": "does any row hold what a monitor or a reviewer wrote?",
    "reward": "is each reward the one that was paid?",
    "label": "is each label the source's?",
    "mask": "does each row train what its channel may?",
    "text": "are the words of the messages the lake's?",
    "selection": "are the rows those that were declared?",
    "column": "where does each column come from?",
    "inclusion": "do alerts tell which traces are there?",
    "repetition": "do alerts tell how often they are there?",
    "order": "do alerts tell in what order?",
    "strata": "do alerts tell which environments and checkpoints are there?",
    "payload": "were graders sent reasoning?",
    "reward_fn": "does the reward depend on reasoning?",
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # should a word escape escaping, a browser still runs nothing
TODO = (
    "Stop training on it, and find how it came in. Do not mend the corpus by taking out the rows named here: many of "
    "them are flagged, and rows that are missing because of an alert are a leak themselves. Make it anew from the lake."
)
OWN = """
.tag { white-space: nowrap; font-weight: 600; } .unknown { color: var(--warn); }
details { margin: .3rem 0; } summary { cursor: pointer; } ul.rows { margin: .3rem 0; padding-left: 1.2rem; }
.card { border: 1px solid var(--line); border-left-width: .4rem; border-radius: .3rem; padding: .4rem .9rem;
  margin: .7rem 0; } .card.bad { border-left-color: var(--bad); font-weight: inherit; color: inherit; }
.card.unknown { border-left-color: var(--warn); color: inherit; } .card p { margin: .3rem 0; }
.card, td { overflow-wrap: anywhere; } h3 { font-size: 1rem; margin: .2rem 0; }
td:first-child { white-space: nowrap; } td:nth-child(2) { min-width: 8rem; }
svg { min-width: 40rem; width: 100%; height: auto; max-width: 62rem; }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--line); } svg .one { stroke: currentColor; stroke-dasharray: 4 3; }
svg .none { stroke: currentColor; fill: currentColor; } svg .bad { stroke: var(--bad); fill: var(--bad); }
svg .unknown { stroke: var(--warn); fill: var(--warn); }
"""


def page(summary: AuditSummary, settings: dict[str, object]) -> str:
    """The whole page."""
    findings = ordered(summary.findings)
    bad = [f for f in findings if is_bad(f)]
    unknown = [f for f in findings if f.verdict in UNKNOWN and not is_bad(f)]
    rest = [f for f in findings if f not in bad and f not in unknown]
    title = f"Audit of {summary.corpus}"
    parts = [
        f'<!doctype html><html lang="en"><!-- {escape(canary(summary.audit_id))} --><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>',
        f"<style>{STYLE}{OWN}</style></head><body>",
        f"<h1>{escape(title)}: {_headline(bad, unknown)}</h1>",
        f"<p>{_about(summary)}</p>",
        *_section("What is wrong", bad, "bad"),
        *([f"<p>{TODO}</p>"] if bad else []),
        *_section("What nobody knows after this audit", unknown, "unknown"),
        *_figure(findings),
        *_table_of("What was found to be well, or is accounted for", rest),
        *_checks(findings),
        *_words(),
        f"<h2>Settings</h2><pre>{escape(json.dumps(settings, indent=1, ensure_ascii=False))}</pre>",
        f"<footer>This page names rows of training data and joins them to alerts: it belongs to the store, and not "
        f"near training data. {escape(canary(summary.audit_id))}</footer></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _headline(bad: Sequence[Finding], unknown: Sequence[Finding]) -> str:
    if bad:
        return f'<span class="bad">{len(bad)} finding{"" if len(bad) == 1 else "s"} to act on</span>'
    if unknown:
        return (
            f'<span class="warn">nothing found, {len(unknown)} question{"" if len(unknown) == 1 else "s"} open</span>'
        )
    return '<span class="good">nothing found</span>'


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def _about(summary: AuditSummary) -> str:
    said = (
        f"{_counted(summary.files, 'file')}, {_counted(summary.rows, 'row')}, {_counted(summary.nbytes, 'byte')}; "
        f"digest <code>{escape(summary.corpus_digest)}</code>. Audit <code>{escape(summary.audit_id)}</code>, number "
        f"{summary.nth} of this corpus: of the {number(summary.alpha_total)} chance of a false alarm that all audits "
        f"of it may have together, this one has {number(summary.alpha)}."
    )
    return said + (" The same was asked before; asking again spends nothing." if summary.asked_before else "")


def _section(heading: str, findings: Sequence[Finding], kind: str) -> list[str]:
    if not findings:
        return []
    return [f"<h2>{heading}</h2>", *(_card(f, kind) for f in findings)]


def _card(finding: Finding, kind: str) -> str:
    figures = [
        _counted(finding.rows, "row") if finding.rows else "",
        f"odds ratio {interval(finding)}" if finding.estimate is not None else "",
        f"p = {number(finding.p)}" if finding.p is not None else "",
    ]
    shown = " · ".join(filter(None, figures))
    where = f"{finding.channel}: {CHANNELS.get(finding.channel, '')}"
    return (
        f'<div class="card {kind}"><h3><span class="tag {kind}">{escape(verdict_words(finding))}</span> · '
        f"{escape(finding.check)} · {escape(finding.subject)}</h3><p>{escape(told(finding))}</p>"
        f"<p><small>{escape(where)}{' · ' if shown else ''}{escape(shown)}</small></p>{_rows(finding)}</div>"
    )


def _rows(finding: Finding) -> str:
    if not finding.examples:
        return ""
    more = finding.rows - len(finding.examples)
    items = "".join(f"<li>{_row(r)}</li>" for r in finding.examples)
    tail = f"<li>and {more:,} more</li>" if more > 0 else ""
    opened = " open" if len(finding.examples) <= 5 else ""
    return f'<details{opened}><summary>Rows</summary><ul class="rows">{items}{tail}</ul></details>'


def _row(row: RowRef) -> str:
    place = "not in the corpus" if row.file is None else f"{row.file}{'' if row.row is None else f', row {row.row}'}"
    ids = [f"<code>{escape(i)}</code>" for i in (row.sample_id, row.trace_key) if i]
    return " · ".join([escape(place), *ids, *([escape(row.detail)] if row.detail else [])])


def _figure(findings: Sequence[Finding]) -> list[str]:
    drawn = odds_ratios(findings)
    if not drawn:
        return []
    words = (
        "Each line is an odds ratio with its 95 % interval: the odds that a flagged trace is there (or there again, or "
        "early) over those of another trace that is alike in all that was known before. At 1, alerts tell nothing."
    )
    return ["<h2>Odds ratios</h2>", f"<p>{words}</p>", f'<div class="wide">{drawn}</div>']


def _table_of(heading: str, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    head = ("check", "subject", "verdict", "odds ratio", "what was seen")
    body = [
        (escape(f.check), escape(f.subject), escape(verdict_words(f)), escape(interval(f)), escape(told(f)) + _rows(f))
        for f in findings
    ]
    return [f"<h2>{heading}</h2>", _table(head, body)]


def _checks(findings: Sequence[Finding]) -> list[str]:
    """What was asked, check by check, so that what was not looked at cannot be overlooked."""
    body = []
    for check in CHECKS:
        own = [f for f in findings if f.check == check]
        words = "; ".join(dict.fromkeys(verdict_words(f) for f in own)) or "not assessed"
        kind = (
            "bad" if any(map(is_bad, own)) else "unknown" if not own or any(f.verdict in UNKNOWN for f in own) else ""
        )
        body.append((escape(check), ASKS[check], f'<span class="{kind}">{escape(words)}</span>'))
    return ["<h2>What was asked</h2>", _table(("check", "question", "answer"), body)]


def _words() -> list[str]:
    body = [
        (
            f'<span class="{"bad" if v in BAD else "unknown" if v in UNKNOWN else ""}">{v.replace("_", " ")}</span>',
            escape(MEANS[v]),
        )
        for v in VERDICTS
    ]
    return ["<h2>What the verdicts mean</h2>", _table(("verdict", "meaning"), body)]


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
