"""The promises that the layout of the code makes, checked by reading it."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "monitors", "pipelines")
TOP_LEVEL = {
    *(".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "benchmarks", "constraints.txt"),
    *("deploy", "docs", "monitors", "pipelines", "pyproject.toml", "schemas", "setup.py", "tests"),
}


@cache
def tracked() -> tuple[str, ...]:
    """Every file that belongs to the project: known to git, or about to be."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(name for name in listed.splitlines() if (ROOT / name).exists())


@cache
def modules() -> dict[str, Path]:
    """Import name -> file, for all our packages."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def imports(name: str, at_load_only: bool = False) -> Iterator[str]:
    """The modules that a module imports; `from a import b` names both a and a.b, since b may be a module."""
    for node in _statements(tree(name)) if at_load_only else ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name} has a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: not the bodies of functions, nor what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not lazy and not typing_only:
            yield child
            yield from _statements(child)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


FORBIDDEN = [
    ("schemas", ("monitors", "pipelines", "apache_beam", "sklearn")),
    ("monitors", ("pipelines", "apache_beam")),
    ("pipelines", ("deploy", "tests", "benchmarks")),
]


@pytest.mark.parametrize(("package", "forbidden"), FORBIDDEN, ids=[p for p, _ in FORBIDDEN])
def test_packages_import_only_what_lies_below_them(package: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{name} imports {imported}"
        for name in modules()
        if within(name, package)
        for imported in imports(name)
        if any(within(imported, f) for f in forbidden)
    ]
    assert not wrong


@pytest.mark.parametrize("library", ["great_expectations", "openai"])
def test_slow_libraries_are_imported_where_they_are_used(library: str) -> None:
    wrong = [n for n in modules() if any(within(i, library) for i in imports(n, at_load_only=True))]
    assert not wrong


def reached(start: str) -> dict[str, str]:
    """Every module of ours that importing `start` may run, packages on the way included -> who asked for it."""
    seen: dict[str, str] = {}
    queue = [(start, "the test")]
    while queue:
        name, asker = queue.pop()
        parts = name.split(".")
        for module in (".".join(parts[:i]) for i in range(1, len(parts) + 1)):
            if module in modules() and module not in seen:
                seen[module] = asker
                queue += [(imported, module) for imported in imports(module)]
    return seen


EXPORT_SIDE = (
    *("schemas.trace", "schemas.table", "schemas.digest", "schemas.layouts", "schemas.ledger", "schemas.errors"),
    *("schemas.training", "schemas.canary", "pipelines.inputs", "pipelines.read", "pipelines.runner"),
    *("pipelines.worker", "pipelines.guard", "pipelines.canaries", "pipelines.export", "pipelines.cli.export"),
)
ALERT_SIDE = ("schemas.results", "schemas.behaviours", "monitors", "pipelines.store", "pipelines.audit")


def export_side() -> list[str]:
    """Every module of the export and of all that it is made of."""
    return sorted(n for n in modules() if any(within(n, package) for package in EXPORT_SIDE))


@pytest.mark.parametrize("name", EXPORT_SIDE)
def test_each_part_of_an_export_is_there(name: str) -> None:
    assert name in modules()


@pytest.mark.parametrize("name", export_side())
def test_what_an_export_imports_knows_nothing_of_alerts(name: str) -> None:
    """Whatever is imported anywhere in it counts, in functions too and for type checkers alone."""
    wrong = {m: by for m, by in reached(name).items() if any(within(m, forbidden) for forbidden in ALERT_SIDE)}
    assert not wrong


@pytest.mark.parametrize("name", export_side())
def test_an_export_imports_nothing_by_a_name_made_at_run_time(name: str) -> None:
    calls = [ast.unparse(n.func) for n in ast.walk(tree(name)) if isinstance(n, ast.Call)]
    assert not {"__import__", "importlib.import_module", "import_module", "exec", "eval", "compile"} & set(calls)


# chance and the clock may name and time an attempt, which is the business of these alone
CLOCKED = (
    "pipelines.run",
    "pipelines.account",
    "pipelines.store",
    "pipelines.cli",
    "pipelines.planning",
    "pipelines.summary",
    "pipelines.upkeep",
)
IMPURE = re.compile(
    r"\b(uuid\.?[14]|datetime\.(now|utcnow|today)|date\.today|time\.time(_ns)?|secrets\.\w+|os\.urandom|random\.\w+)$"
)
SEEDED = re.compile(r"\brandom\.(Random|default_rng|SeedSequence)$")


def impurities(node: ast.AST) -> list[str]:
    """Calls whose answer is not a function of their arguments; a generator is fine if it is given its seed."""
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and IMPURE.search(ast.unparse(call.func))]
    return [ast.unparse(c) for c in calls if not (SEEDED.search(ast.unparse(c.func)) and (c.args or c.keywords))]


def test_ids_and_rows_never_depend_on_chance_or_the_clock() -> None:
    wrong = {n: bad for n in modules() if not any(within(n, c) for c in CLOCKED) and (bad := impurities(tree(n)))}
    assert not wrong


def transforms(module: ast.Module) -> Iterator[ast.ClassDef]:
    """Classes that Beam runs, and those derived from them in the same module."""
    known = {"DoFn", "PTransform", "CombineFn"}
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(b).split(".")[-1] in known for b in node.bases):
            known.add(node.name)
            yield node


def test_no_transform_asks_chance_or_the_clock() -> None:
    found = {f"{name}.{node.name}": impurities(node) for name in modules() for node in transforms(tree(name))}
    assert len(found) >= 5
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize(
    ("source", "impure"),
    [
        ("uuid.uuid4()", True),
        ("dt.datetime.now(UTC)", True),
        ("time.time()", True),
        ("random.choice(x)", True),
        ("np.random.shuffle(x)", True),
        ("np.random.default_rng()", True),
        ("random.Random(seed)", False),
        ("np.random.default_rng(7)", False),
        ("time.monotonic()", False),
    ],
)
def test_the_check_for_chance_knows(source: str, impure: bool) -> None:
    assert bool(impurities(ast.parse(source))) is impure


def test_the_top_level_stays_as_it_is() -> None:
    assert {name.split("/")[0] for name in tracked()} - TOP_LEVEL == set()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {Path(name).parent for name in tracked() if name.startswith("tests/") and name.endswith(".py")}
    assert [str(f) for f in sorted(folders) if not (ROOT / f / "__init__.py").exists()] == []


def setup_arguments() -> dict[str, ast.expr]:
    calls = [n for n in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    (call,) = [c for c in calls if ast.unparse(c.func) == "setup"]
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def test_remote_workers_get_every_data_file() -> None:
    shipped = ast.literal_eval(setup_arguments()["package_data"])
    data = {package: {p for glob in globs for p in (ROOT / package).glob(glob)} for package, globs in shipped.items()}
    forgotten = [
        name
        for name in tracked()
        if (package := name.split("/")[0]) in PACKAGES
        and not name.endswith(".py")
        and ROOT / name not in data.get(package, set())
    ]
    assert not forgotten


def test_the_version_is_the_same_everywhere() -> None:
    version = ast.literal_eval(setup_arguments()["version"])
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    code = re.search(r'^VERSION = "(.+)"$', (ROOT / "schemas" / "version.py").read_text(encoding="utf-8"), re.M)
    assert changelog is not None and changelog.group(1) == version
    assert code is not None and code.group(1) == version
    try:
        assert importlib.metadata.version("cotmonitor") == version
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("cotmonitor is not installed here, only on the path")


def test_every_dependency_is_pinned() -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    wanted = {re.split(r"[<>=]", name)[0] for name in re.findall(r'^    "([\w.-]+[<>=][^"]*)",$', text, re.M)}
    wanted |= {re.split(r"[<>=]", n)[0] for n in re.findall(r'"((?:scikit-learn|skops|openai|matplotlib)[^"]*)"', text)}
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    assert len(wanted) > 15
    assert {_normal(n) for n in wanted} - {_normal(n) for n in pinned} == set()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = ["apache_beam", "pandas", "duckdb", "deltalake", "pyarrow", "rich"]
    code = f"import sys, pipelines.cli; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
