"""The page needs nothing but itself, and no word in it is taken for a command."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pipelines.audit.finding import CHECKS, VERDICTS
from pipelines.audit.page import page
from pipelines.audit.report import told
from schemas.canary import CANARY
from tests.pipelines.audit.findings import (
    BROKEN,
    EXPLAINED,
    HOSTILE,
    LEAK,
    NONE,
    UNEXPLAINED,
    UNKNOWN,
    UNLOOKED,
    summary,
)

ALL = (LEAK, UNEXPLAINED, EXPLAINED, NONE, UNKNOWN, UNLOOKED, BROKEN)
EMPTY = ("meta", "line", "circle", "path")


class Reader(HTMLParser):
    """The tags of a page, whether they close, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_foreign_words_stay_words() -> None:
    read = Reader(page(summary(*ALL), {"corpus": HOSTILE}))
    assert read.open == []
    assert {t for t, _ in read.tags} & {"script", "link", "img", "iframe", "object", "form", "a"} == set()
    assert not [a for _, attrs in read.tags for a in attrs if a.startswith("on") or a in ("src", "href")]
    assert read.text.count("<script>alert(1)</script>") >= 10
    assert "url(" not in page(summary(*ALL), {}) and "@import" not in page(summary(*ALL), {})


def test_what_is_wrong_and_what_is_unknown_come_before_all_else() -> None:
    text = Reader(page(summary(*ALL), {})).text
    order = [text.index(w) for w in ("What is wrong", "What nobody knows", "Odds ratios", "found to be well")]
    assert order == sorted(order)
    assert "3 findings to act on" in text
    for finding in ALL:
        assert told(finding).split(HOSTILE)[0].strip() in text
    assert "and 23 more" in text  # 30 rows, 7 named


@pytest.mark.parametrize(
    ("findings", "says"),
    [
        ((NONE,), "nothing found"),
        ((NONE, UNLOOKED), "nothing found, 1 question open"),
        ((LEAK,), "1 finding to act on"),
    ],
    ids=["well", "not all looked at", "a leak"],
)
def test_the_headline_says_no_more_than_was_seen(findings: tuple[object, ...], says: str) -> None:
    headline = re.search("<h1>.*</h1>", page(summary(*findings), {}))  # type: ignore[arg-type]
    assert headline is not None and Reader(headline[0]).text.strip().endswith(says)


def test_every_check_is_named_with_its_answer_and_every_verdict_with_its_meaning() -> None:
    text = Reader(page(summary(LEAK), {})).text
    asked = text[text.index("What was asked") :]
    assert all(f" {check} " in asked for check in CHECKS)
    assert asked.count("not assessed") >= len(CHECKS) - 1
    assert all(v.replace("_", " ") in asked for v in VERDICTS)


def test_the_page_carries_the_canary_and_its_price() -> None:
    written = page(summary(*ALL), {})
    assert written.count(f"{CANARY}:audit:{'ab' * 16}") == 2
    assert "number 2 of this corpus" in written and "0.0015" in written
    assert "asking again spends nothing" not in written


def test_the_figure_has_a_line_for_each_interval_and_stays_inside() -> None:
    read = Reader(page(summary(*ALL), {}))
    (box,) = [a["viewbox"] for t, a in read.tags if t == "svg"]
    width, height = (float(x) for x in str(box).split()[2:])
    lines = [a for t, a in read.tags if t == "line" and "stroke-width" in a]
    assert len(lines) == 3
    for line in lines:
        x1, x2, y = (float(line[k] or "nan") for k in ("x1", "x2", "y1"))
        assert 0 <= x1 <= x2 <= width and 0 <= y <= height
    assert sum(t == "path" for t, _ in read.tags) == 2  # from 0, and to infinity
    assert "Odds ratios" not in Reader(page(summary(LEAK), {})).text
