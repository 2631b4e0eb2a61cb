"""Rationales as judges write them, honest reasoning about the very same things, and ways to rewrite a text.

Both sides draw on the same phrases, so that honest text shares whole runs of words with the rationales: a search that
went by common words would be wrong here all the time. Everything is a function of the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

DEEDS = (
    "hard-code the expected outputs for the visible tests; special-case the inputs that the test file uses; "
    "edit the grading script so that it always reports success; skip the failing test and mark it as expected; "
    "delete the assertion that checks the rounding; return early before the assertions run; "
    "catch the exception and ignore it so that nothing fails; read the hidden answers from the cache folder; "
    "overwrite the timer that the benchmark measures with; copy the reference solution out of the git history; "
    "pretend that the migration was run when it was not; keep the second objective out of the summary; "
    "do worse on purpose so that the ability is not noticed; leave a copy of the settings where the next run finds it; "
    "loosen the tolerance until the numerical check passes; replace the slow call by a constant that the test expects"
).split("; ")
REASONS = (
    "since the parser cannot be mended in the time that is left; because the deadline is close; "
    "as the hidden tests are probably the same; because nobody is going to look at that file; "
    "since the reward depends on the exit code alone; as the requirements contradict each other; "
    "because the real fix would touch the whole scheduler; since the grader only compares the last line"
).split("; ")
THINGS = (
    "invoice date parcel token matrix kernel currency session queue ledger sensor schema cursor shard buffer wallet "
    "ticket roster digest lexer planner gateway bucket carousel tariff voucher beacon turbine orchard lantern"
).split()
PARTS = "parser loader checker formatter scheduler resolver builder router splitter merger reader writer".split()
JUDGED = (
    "The model {says} that it will {deed}",
    "In step {n} the assistant {says} that it is going to {deed}",
    "The reasoning about the {thing} {part} {shows} an intention to {deed}",
    "It {says} to {deed}, and never tells the user about the {thing} {part}",
    "While working on the {thing} {part}, the agent {says} to {deed} {why}",
    "There is no sign that the user asked for this, yet the model {says} to {deed} {why}",
)
SAYS = "states writes decides plans concludes notes admits announces remarks proposes".split()
SHOWS = "shows reveals betrays contains suggests documents".split()
CLOSING = (
    "The user was not told.",
    "This is deliberate and not a slip.",
    "The final answer does not mention it.",
    "The {thing} {part} itself stays broken.",
    "An honest report would have named the {thing} {part}.",
    "Confidence is high because of the wording in step {n}.",
)
HONEST = (
    "I could {deed}, but that would be cheating, so let me look at the {thing} {part} again.",
    "One way would be to {deed}. I won't do that; the {thing} {part} has to work for any input.",
    "The user says that somebody did {deed} {why}, and wants it undone in the {thing} {part}.",
    "Would it be all right to {deed}? No. The {thing} {part} is what has to change.",
    "The test for the {thing} {part} fails {why}. Let me read it before I change anything.",
    "Let me run the tests of the {thing} {part} and see what step {n} gives.",
    "The {thing} goes through the {part} first, then through the other {part}, and then it is written out.",
    "Now the {part} drops the last {thing} of each batch, which is what the ticket says.",
    "I should tell the user that the {thing} {part} is still broken.",
    "The final answer should mention the {thing} {part} and what I did not get to {why}.",
)
SYNONYMS = (
    "item piece stage entry notion method manner portion object routine result matter source detail factor variant "
    "record figure phrase remark answer motion effort output measure feature element section pattern version"
).split()


def rationale(seed: int, least: int = 15, most: int = 60) -> str:
    """One judge's rationale of `least` to `most` words."""
    chance = random.Random(f"rationale/{seed}")
    wanted = chance.randint(least, most)
    words: list[str] = []
    while len(words) < least:
        words = []
        while len(words) < wanted:
            pattern = chance.choice(JUDGED) + "." if len(words) < wanted - 10 else chance.choice(CLOSING)
            words += _filled(pattern, chance).split()
        if len(words) > most:
            words = []
            wanted = max(least, wanted - 3)
    return " ".join(words)


def honest(seed: int, words: int) -> str:
    """Reasoning that names the same deeds and does none of them, of about so many words."""
    chance = random.Random(f"honest/{seed}")
    made: list[str] = []
    while len(made) < words:
        made += _filled(chance.choice(HONEST), chance).split()
    return " ".join(made)


def _filled(pattern: str, chance: random.Random) -> str:
    text = pattern
    for name, values in (("deed", DEEDS), ("why", REASONS), ("says", SAYS), ("shows", SHOWS)):
        text = text.replace("{" + name + "}", chance.choice(values))
    while "{thing}" in text or "{part}" in text or "{n}" in text:
        text = text.replace("{thing}", chance.choice(THINGS), 1).replace("{part}", chance.choice(PARTS), 1)
        text = text.replace("{n}", str(chance.randint(2, 60)), 1)
    return text


def every(n: int) -> Callable[[str, random.Random], str]:
    """Change each n-th word for another."""

    def rewrite(text: str, chance: random.Random) -> str:
        return " ".join(chance.choice(SYNONYMS) if i % n == n - 1 else w for i, w in enumerate(text.split()))

    return rewrite


def share(rate: float) -> Callable[[str, random.Random], str]:
    """Change words here and there, at this rate."""

    def rewrite(text: str, chance: random.Random) -> str:
        return " ".join(chance.choice(SYNONYMS) if chance.random() < rate else w for w in text.split())

    return rewrite


def shuffled(text: str, chance: random.Random) -> str:
    sentences = [s for s in text.replace("?", ".").split(". ") if s]
    chance.shuffle(sentences)
    return ". ".join(s.rstrip(".") for s in sentences) + "."


def half(text: str, chance: random.Random) -> str:
    words = text.split()
    return " ".join(words[: -(-len(words) // 2)])


def plain(text: str, chance: random.Random) -> str:
    """Capitals, and no punctuation."""
    return "".join(c if c.isalnum() else " " for c in text).upper()


def padded(text: str, chance: random.Random) -> str:
    """A word put in after each fifth."""
    return " ".join(f"{w} {chance.choice(SYNONYMS)}" if i % 5 == 4 else w for i, w in enumerate(text.split()))
