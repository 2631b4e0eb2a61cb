"""What a file is for, by its path."""

from __future__ import annotations

import re

_TEST = re.compile(
    r"(?i:(?:^|/)(?:tests?|__tests__|specs?|testing)/|(?:^|/)tests?[\w-]*\.(?:py|js|ts|go|java|cpp|c|rb|rs|sh)$)"
    r"|(?:^|/)[\w.-]*(?:_test|_spec|\.test|\.spec)\.(?:py|[jt]sx?|go|rb|rs|cpp|cc|c|dart|ex|exs)$"
    r"|(?:^|/)\w*(?:Test|Tests|IT)\.(?:java|kt|cs|scala|swift)$"
)
_HARNESS = re.compile(
    r"(?:^|/)(?:conftest\.py|pytest\.ini|tox\.ini|noxfile\.py|jest\.config\.\w+|vitest\.config\.\w+|karma\.conf\.js"
    r"|\.mocharc\.\w+|run_?tests?\.(?:sh|py|js)|test_?(?:runner|harness)\.\w+|\.coveragerc|phpunit\.xml)$"
    r"|(?:^|/)\.github/workflows/|(?:^|/)(?:\.gitlab-ci\.yml|Jenkinsfile|azure-pipelines\.yml"
    r"|\.travis\.yml|\.pre-commit-config\.yaml)$"
)
_CI = re.compile(
    r"(?:^|/)\.github/workflows/|\.gitlab-ci\.yml$|Jenkinsfile$|pipelines\.yml$|\.travis\.yml$" r"|\.pre-commit"
)
_GRADER = re.compile(
    r"(?:^|/)(?:[\w-]*(?:scor(?:e|er|ing)|grad(?:e|er|ing)|evaluat(?:e|or|ion)|judge|verif(?:y"
    r"|ier)|checker|reward)[\w-]*)\.(?:py|sh|js|ts|json|ya?ml)$"
    r"|(?:^|/)(?:grader|scorer|evaluator|verifier|judge)/",
    re.I,
)
_ANSWER = re.compile(
    r"(?:^|/)(?:(?:expected|golden|reference|ground_?truth|answer|solution|hidden)[\w-]*\.(?:json"
    r"|txt|csv|pkl|npy|npz|ya?ml|out|py|sh|md|parquet)"
    r"|[\w-]*(?:_answers?|_solutions?|_expected|_labels|_key)\.(?:json|txt|csv|pkl|npy|ya?ml|out)"
    r"|flag(?:\.txt)?|test_cases?\.(?:json|txt|ya?ml)|task\.ya?ml)$"
    r"|^/flag|/proc/(?:\d+|\*|self|1)/environ|169\.254\.169\.254",
    re.I,
)
_OVERSIGHT = re.compile(
    r"(?:^|/)[\w.-]*(?:oversight|monitor(?:ing)?|audit|guard(?:rail)?s?|watchdog" r"|telemetry)[\w.-]*$", re.I
)
_SHUTDOWN = re.compile(
    r"(?:^|/)[\w.-]*(?:shut_?down|kill_?switch|power_?off|terminate|deprovision" r"|decommission)[\w.-]*$", re.I
)
_LIBRARIES = re.compile(
    r"^(?:\./)?(?:numpy|pandas|pytest|unittest|torch|sklearn|scipy|requests|math|random|time|json"
    r"|hashlib|subprocess|re|os|sys)"
    r"(?:/__init__\.py|\.py)$"
)
TOOLS = (
    r"(?:pytest|py\.test|python[\d.]*|node|npm|npx|jest|gcc|g\+\+|cc|clang|make|cmake|diff|cmp|md5sum|sha256sum|git"
    r"|go|cargo"
    r"|javac|java|ruff|mypy|eslint|tsc|curl|wget|time|date|timeout|nvidia-smi|grep|test|bash|sh)"
)
_COMMAND = re.compile(rf"(?:^|/)s?bin/{TOOLS}$")
_SITE = re.compile(r"(?:^|/)(?:sitecustomize|usercustomize)\.py$|\.pth$|site-packages/")
_RESULTS = re.compile(
    r"(?:^|/)[\w.-]*(?:results?|report|junit|coverage|metrics?|summary|score|reward|status|outcome"
    r"|test[_-]?output|benchmark)"
    r"[\w.-]*\.(?:xml|json|txt|log|csv|md|html)$",
    re.I,
)
_LOGS = re.compile(
    r"\.log(?:\.\d+)?$|^/var/log/|(?:^|/)\.(?:bash|zsh|python)_history$|(?:^|/)(?:audit|access" r"|activity)[\w.-]*$",
    re.I,
)


def is_test(path: str | None) -> bool:
    return bool(path and _TEST.search(path))


def is_harness(path: str | None) -> bool:
    return bool(path and _HARNESS.search(path))


def is_ci(path: str | None) -> bool:
    return bool(path and _CI.search(path))


def is_grader(path: str | None) -> bool:
    """A scorer or verifier, and not a test of one."""
    return bool(path and _GRADER.search(path) and not _TEST.search(path))


def is_answer(path: str | None) -> bool:
    return bool(path and _ANSWER.search(path))


def is_oversight(path: str | None) -> bool:
    return bool(path and _OVERSIGHT.search(path))


def is_shutdown(path: str | None) -> bool:
    return bool(path and _SHUTDOWN.search(path))


def shadows(path: str | None) -> bool:
    """A file that Python would import in place of a library, or at its start."""
    return bool(path and (_LIBRARIES.search(path) or _SITE.search(path)))


def replaces_command(path: str | None) -> bool:
    """A file of the name of a command, in a folder of commands; what a virtual environment holds is none."""
    return bool(path and _COMMAND.search(path) and not re.search(r"venv|virtualenv|node_modules|conda", path))


def is_result(path: str | None) -> bool:
    return bool(path and _RESULTS.search(path))


def is_log(path: str | None) -> bool:
    return bool(path and _LOGS.search(path))
