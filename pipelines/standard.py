"""The monitors that run where a job names none: all that need no model of somebody else's and no network."""

from __future__ import annotations

from importlib.util import find_spec

ALWAYS = ("rules:core", "code")
CLASSIFIER = "classifier"
EXTRA = ("sklearn", "skops")  # what opens the starter model; workers need neither
LEFT_OUT = (
    "the classifier is not among the monitors, since scikit-learn or skops is missing; install it with "
    "pip install 'cotmonitor[classifier]', or name the monitors you want"
)


def standard_monitors() -> tuple[str, ...]:
    """Rules and code, and the starter classifier where it can be opened.

    What a machine lacks is no reason to look with nothing: `run` then says what it left out, and `runs` which monitors
    each night had.
    """
    return (*ALWAYS, CLASSIFIER) if can_classify() else ALWAYS


def can_classify() -> bool:
    """Whether the extra `classifier` is installed; nothing is imported to know it."""
    return all(find_spec(name) is not None for name in EXTRA)
