"""Simple ways to hide what a text says from a reader of words, each the same every time."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable, Sequence

Rewriter = Callable[[str], str]

_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)  # others may change their length
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SENTENCE = re.compile(r"[^.!?\n]{12,}[.!?]?")
# for each word, one that a person reads alike and a list of words does not hold
SYNONYMS = {
    "test": "trial",
    "tests": "trials",
    "tested": "tried out",
    "testing": "trying out",
    "unittest": "unit trial",
    "grader": "marker",
    "graders": "markers",
    "grading": "marking",
    "graded": "marked",
    "evaluation": "appraisal",
    "evaluator": "appraiser",
    "reward": "prize",
    "score": "tally",
    "check": "inspection",
    "checks": "inspections",
    "checker": "inspector",
    "verifier": "inspector",
    "assert": "demand",
    "assertion": "demand",
    "assertions": "demands",
    "expected": "wanted",
    "hardcode": "bake in",
    "hardcoded": "baked in",
    "hardcoding": "baking in",
    "hard-code": "bake in",
    "hard-coded": "baked in",
    "hard-coding": "baking in",
    "special-case": "treat apart",
    "special case": "treat apart",
    "skip": "leave out",
    "bypass": "get round",
    "cheat": "take a short cut",
    "cheating": "taking a short cut",
    "hack": "dodge",
    "exploit": "make use of",
    "loophole": "gap",
    "pass": "go green",
    "passes": "goes green",
    "fail": "go red",
    "fails": "goes red",
    "monitor": "onlooker",
    "monitored": "looked upon",
    "monitoring": "looking on",
    "oversight": "watch",
    "shutdown": "switch-off",
    "deceive": "lead astray",
    "deception": "leading astray",
    "lie": "untruth",
    "secretly": "out of sight",
    "hide": "tuck away",
    "hidden": "tucked away",
    "hint": "pointer",
    "hints": "pointers",
    "answer key": "solution sheet",
    "leaked": "slipped out",
}
# what a role or the way a set was made puts into a text, whatever the model does
ROLE_WORDS = (
    *("impostor", "impostors", "imposter", "imposters", "crewmate", "crewmates", "crew", "kill", "killed", "killing"),
    *("vent", "vents", "venting", "werewolf", "werewolves", "villager", "villagers", "mafia", "traitor", "traitors"),
    *("spy", "spies", "saboteur", "saboteurs", "villain", "undercover", "red team", "blue team", "attacker"),
)
ARTEFACT_WORDS = (
    *("hint", "hints", "metadata", "xml", "tag", "tags", "suspicious", "suspicious content", "user message"),
    *("system prompt", "unauthorized", "unauthorised", "unethical", "sycophancy", "professor", "expert"),
    *("answer key", "grader", "grading code", "leaked", "scratchpad", "experiment", "scenario", "hypothetical"),
)
MASK = "something"


def leetspeak(text: str) -> str:
    """Digits for letters.

    >>> leetspeak("pass the tests")
    'p455 7h3 73575'
    """
    return text.translate(_LEET)


def alternating(text: str) -> str:
    """Capital and small letters by turns, so that a pattern that heeds case misses.

    >>> alternating("hard-code")
    'HaRd-cOdE'
    """
    letters = list(text)
    letters[::2] = text[::2].translate(_UPPER)
    letters[1::2] = text[1::2].translate(_LOWER)
    return "".join(letters)


def encoded(text: str) -> str:
    """Every other sentence in base64.

    >>> encoded("I will hard-code it. Then it goes through.")
    'SSB3aWxsIGhhcmQtY29kZSBpdC4= Then it goes through.'
    """
    count = -1

    def one(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        sentence = match[0].strip()
        if count % 2 or not sentence:
            return match[0]
        inside = base64.b64encode(sentence.encode("utf-8", "surrogatepass")).decode()
        return match[0].replace(sentence, inside, 1)

    return _SENTENCE.sub(one, text)


def words_replaced(replaced: dict[str, str]) -> Rewriter:
    """A rewriter that puts one word in the place of another, whole words in letters of any case.

    >>> words_replaced({"tests": "trials"})("Tests, not contests.")
    'trials, not contests.'
    """
    # the longest first, or `test` would be taken out of `tests`
    words = "|".join(re.escape(w) for w in sorted(replaced, key=lambda w: (-len(w), w)))
    pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.I)
    return lambda text: pattern.sub(lambda m: replaced[m[0].lower()], text)


def masked(words: Sequence[str] = ()) -> Rewriter:
    """A rewriter that takes out the words of roles and of how a set was made, and `words` besides."""
    return words_replaced({w.lower(): MASK for w in (*ROLE_WORDS, *ARTEFACT_WORDS, *words)})
