"""Names that say that what they name is a model's own thinking."""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.export.masking.thought_words import ALWAYS, BEFORE_ANSWER, FOREIGN_ROOTS, LABELS, plain

# every such name holds one of these, in letters of any case; for searches that must miss none
ROOTS = "think|thought|reason|scratch|analysis|reflect|rationale|monologue|cot|deliberat"
ALL_ROOTS = ROOTS + "|" + FOREIGN_ROOTS

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# one of these words anywhere in a name is enough: `agent_thoughts`, `stepReasoning`
_WORDS = {
    *("thought", "thoughts", "thinking", "reasoning", "rationale", "rationales", "scratchpad", "monologue", "cot"),
}
# these only as a whole name, give or take what may stand round it: `sentiment_analysis` is none
_WHOLE = re.compile(
    r"(?:my|own|agent|model|self|inner|internal|private|hidden)?"
    r"(?:think|thoughts?|thinking|reasoning|rationales?|scratch(?:pad)?|monologue|cot|reflections?|analysis"
    r"|deliberations?|chainofthoughts?)"
    r"(?:content|text|details|process|trace|steps|log)?"
)
# settings of thinking, not thoughts: `reasoning_effort`, `thinking_budget`
_SETTINGS = {
    *("effort", "budget", "tokens", "mode", "enabled", "level", "model", "id", "count", "type", "config"),
    *("prompt", "prompts", "template", "tag", "tags", "token", "pattern", "regex", "parser", "format", "key", "length"),
    *("path", "file", "name", "url", "seconds", "ms", "duration", "score", "quality"),
}
_FOREIGN = frozenset(word for word in ALWAYS | LABELS | BEFORE_ANSWER if not word.isascii()) | {
    *("gedanke", "gedanken", "uberlegung", "uberlegungen", "pensee", "pensees", "raisonnement", "pensamiento"),
    *("pensamientos", "razonamiento", "pensamento", "raciocinio", "ragionamento", "rozumowanie"),
}
_TOOLS = re.compile(r"(?:sequential)?think(?:ing)?(?:tool)?|scratchpad|(?:chainof)?thoughts?")


@lru_cache(maxsize=4096)
def means_thoughts(name: str) -> bool:
    """Whether an argument, a field or a column of this name holds reasoning.

    >>> [means_thoughts(n) for n in ("thoughts", "innerMonologue", "chain-of-thought", "sentiment_analysis")]
    [True, True, True, False]
    """
    return _means(_WORD.findall(name)) or _means(_WORD.findall(name.lower())) or plain(name) in _FOREIGN


def _means(parts: list[str]) -> bool:
    words = [word.lower() for word in parts]
    if not words or words[-1] in _SETTINGS:
        return False
    return bool(_WORDS & set(words)) or _WHOLE.fullmatch("".join(words)) is not None


@lru_cache(maxsize=4096)
def is_thinking_tool(name: str) -> bool:
    """Whether a tool of this name takes nothing but thoughts, such as `think` or `sequentialthinking`."""
    last = re.split(r"[./:]|__", name)[-1]
    return _TOOLS.fullmatch("".join(word.lower() for word in _WORD.findall(last))) is not None
