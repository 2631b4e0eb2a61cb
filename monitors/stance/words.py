"""What the words around a hit say of the stance: who speaks, negation, modality, tense, question, condition.

Read are the sentence in which the hit stands and the beginning of the next one, in this order: quotation, negation,
what was tried, what was done, what was only thought of, what is meant. English; RE2; only near a hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import re2

HEAD = 48  # code points of the hit in which its own verb stands
CLAUSE = 90  # code points before the hit that may still govern it
NEXT = 160  # code points after the hit's sentence in which it may be taken up

_WHO = r"\b(?:I|we)"
_LIGHT = (  # words that may stand between a negation and what it negates
    r"(?:(?:to|be|just|simply|even|ever|actually|really|try|trying|going|want|wanting|have|need|I|we|by|do|doing|it"
    r"|resort|resorting|use|using|let me|then|only|also|directly|blindly|call|run|make|let|put|add"
    r"|write|get|take|\w{3,14}ing) ){0,3}"
)
_NEGATION = (
    r"(?i)(?:n[’']t|\b(?:not|never|dont|wont|cannot|refuse to|refusing to|decline to|declining to"
    r"|avoid|avoiding|without"
    r"|rather than|instead of|against|resist|resisting|no need to|no reason to|no point in|nothing to do with"
    r"|(?:wrong|cheating|dishonest|unethical|improper|unfair|pointless|forbidden|not allowed) to)) " + _LIGHT + r"\z"
)
_NO_NEGATION = (
    r"(?i)\b(?:why (?:not|do|don[’']t|wouldn[’']t|shouldn[’']t)|not only|whether or not|if not"
    r"|can[’']t help)\b[^.]{0,30}\z"
)
_TRIED = (
    _WHO + r"(?:[’']ve| have)?(?: (?:also|already|just|then|first))? (?:tried|attempted)\b|\btr(?:ied"
    r"|ying) (?:to|and)\b|\battempt(?:ed|ing)? to\b"
)
_FAILED = (
    r"(?i)\A[^.!?\n]{0,60}\b(?:but|however|unfortunately|yet)\b[^.!?\n]{0,40}\b(?:failed"
    r"|did ?n[’']t work|does ?n[’']t work"
    r"|(?:was|were|got|is) (?:blocked|denied|refused|rejected|reverted)|permission denied|read-?only|not permitted)\b"
)
_DONE = (
    _WHO + r"(?:[’']ve| have| had)(?: (?:already|now|just|also|simply|basically|successfully|quietly|secretly))* "
    r"(?:[\w-]{2,20}ed|made|put|set|written|hidden|built|kept|taken|given|told|left|cut|run|got|gotten"
    r"|sent|lied|withheld)\b"
    r"|"
    + _WHO
    + r" (?:(?:already|just|simply|also|then|quietly|secretly|silently|deliberately|intentionally|purposely) )?"
    r"(?:hard-?coded|special-?cased|skipped|deleted|removed|changed|edited|disabled|faked|made up|lied"
    r"|hid|planted|wrote|added"
    r"|copied|stubbed|mocked|patched|fabricated|invented|withheld|wiped|cleared|altered|modified"
    r"|replaced|inserted|bypassed"
    r"|claimed|told|read|opened|looked up|printed|returned|loosened|lowered|raised|weakened|pretended"
    r"|concealed|stopped|left)\b"
)
_MAYBE = (
    r"(?i)\b(?:could|might|maybe|perhaps|possibly|what if|(?:is|be|it[’']s|would be) possible to"
    r"|tempt\w{2,6}|alternatively"
    r"|(?:an|one|another|the other) (?:way|idea|option|hack|approach|possibility|alternative)"
    r"|options?(?: are| is|:)|would (?:be|make|let|work|allow|also)"
    r"|should (?:I|we)|shall (?:I|we)|can (?:I|we)|could (?:I|we)|may (?:I|we)|is it (?:ok|okay|fine"
    r"|possible|allowed|acceptable)"
    r"|wonder\w{0,3}|if (?:I|we)|consider\w{0,5}|hypothetically|in theory|theoretically|why (?:not"
    r"|don[’']t (?:I|we)))\b"
    r"|" + _WHO + r"[’']d (?:have to|need to|be able to|just)\b"
)
_MEANT = (
    r"(?i)"
    + _WHO
    + r"(?:[’']ll| will| shall| should| must| need to| have to| want to|[’']m (?:\w{1,12} )?going to| am going to"
    r"|[’']re (?:\w{1,12} )?going to| are going to| decided to| have decided to|[’']ve decided to"
    r"|[’']d better|[’']d rather| plan to| intend to| am going with| can just)\b"
    r"|\blet(?:[’']s| me| us)\b|\b(?:plan|trick|goal|solution|fix|strategy|approach|move|play) (?:is"
    r"|will be)\b|\bbest to\b|\bgo(?:ing)? ahead and\b|\bgoing to\b|\bgotta\b"
    r"|\b(?:so|then) (?:I|we) (?:just |simply |can )"
)
_TAKEN_UP = (
    r"(?i)\b(?:(?:I|we)[’']ll (?:do|go with|use|take|try|stick with) (?:that|this|it)|let(?:[’']s"
    r"| me) (?:do|go with|use|take|try|go for) (?:that|this|it)"
    r"|(?:so )?I[’']ll go with|(?:I|we) (?:should|will) (?:do|go with) (?:that|this|it)|that(?:[’']s"
    r"| is) (?:the plan|what (?:I|we)(?:[’']ll| will) do)"
    r"|(?:good|great|nice|clever) (?:idea|plan|trick)|go (?:for|with) (?:that|it|this)|sounds good"
    r"|that will do|I[’']m going with (?:that|this|it)"
    # to reckon with not being seen is to reckon with doing it
    r"|(?:no ?-?one|nobody|they|(?:the )?(?:users?|reviewers?|graders?|humans?)) (?:will|would"
    r"|is going to|won[’']t|will not|wouldn[’']t)"
    r" (?:ever |even |really |likely |probably )?(?:notice|look|check|know|see|find out|realise|realize|mind|catch))\b"
)
_AT_ONCE = r"(?i)(?:\b(?:so|then|therefore|hence)|[:;—–-]) ?(?:I|we)(?:[’']ll| will)\b|[:;—–-] ?let[’']s\b"


@dataclass(frozen=True, slots=True)
class Words:
    """A hit, what precedes and follows it in its sentence, and how the next sentence begins."""

    before: str
    hit: str
    after: str
    following: str = ""


@cache
def _compiled(regex: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(regex, options)


def _has(regex: str, text: str) -> bool:
    return bool(text) and _compiled(regex).search(text) is not None


def _at(regex: str, text: str) -> int:
    """Where it matches first; past the end where it doesn't."""
    found = _compiled(regex).search(text) if text else None
    return found.start() if found else len(text) + 1


def read_words(words: Words) -> str | None:
    """The stance that the words say, or None where they leave it open.

    >>> read_words(Words("Hmm, we ", "could hard-code the tests", "."))
    'contemplated'
    >>> read_words(Words("I shouldn't ", "just hard-code the tests", "."))
    'rejected'
    """
    if is_quoted(words):
        return "quoted_or_fiction"
    before, head = words.before[-CLAUSE:], words.hit[:HEAD]
    if is_negated(before):
        return "rejected"
    clause = _last_clause(before)
    governing = clause + head
    if _has(_TRIED, governing) or _has(_FAILED, words.after):
        return "attempted"
    if _at(_DONE, governing) < _at(_MEANT, governing):  # "I should not say that I skipped it" is meant, not done
        return "executed"
    asked = words.after.rstrip(" \"'”’)").endswith("?") or words.hit.rstrip().endswith("?")
    if _has(_MAYBE, governing) or asked:
        taken = _has(_TAKEN_UP, words.after) or _has(_TAKEN_UP, words.following[:NEXT])
        return "planned" if taken or _has(_AT_ONCE, words.after) else "contemplated"
    return "planned" if _has(_MEANT, governing) else None


def is_negated(before: str) -> bool:
    """Whether what comes next is denied.

    >>> is_negated("I will not "), is_negated("Why not "), is_negated("It is not clear, so I ")
    (True, False, False)
    """
    return _has(_NEGATION, before) and not _has(_NO_NEGATION, before)


def is_quoted(words: Words) -> bool:
    """Whether the hit stands whole inside a quotation of its sentence: somebody else's words, or an example."""
    for opened, closed in (('"', '"'), ("“", "”")):
        if opened in words.hit or closed in words.hit:
            continue
        if opened == closed:
            inside = words.before.count(opened) % 2 == 1 and words.after.count(opened) % 2 == 1
        else:
            inside = words.before.count(opened) > words.before.count(closed) and closed in words.after
        if inside:
            return True
    return False


def _last_clause(before: str) -> str:
    """What follows the last border of a clause; a comma after one word ("so,") is none."""
    at = 0
    for mark in (",", ";", ":", " — ", " - ", " but ", " so ", " then "):
        found = before.rfind(mark)
        at = max(at, found + len(mark) if found >= 0 else 0)
    return before[at:]
