"""Commands that cannot be meant: each is refused in words, with its exit code, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.pipelines.lakes import PACK, flat, pack, rollouts

RUN = "run --traces lake --store S --monitors rules:tiny.yml"
BEAM = f"{RUN} --dry-run --"


def cotmonitor(*args: str) -> Result:
    result = CliRunner().invoke(main, list(args))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.stderr
    return result


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small lake, a pack, a store in which a run ended well, and things that are none of these."""
    folder = tmp_path_factory.mktemp("desk")
    flat(folder / "lake" / "a.parquet", rollouts(10))
    pack(folder)
    files = {
        "file": "text",
        "other/notes.txt": "text",
        "empty/.keep": "",
        "index/transcripts.idx": "index",
        "newer/_cotmonitor_store": '{"format": 99}',
        "damaged/_cotmonitor_store": "nonsense",
        "broken.yml": "pack: [a\nrules:\n",
        "list.yml": "- a\n",
        "latin.yml": "",
        "wrong/tiny.yml": PACK.replace("a hard problem", "we hard-code it"),
        "severe.yml": PACK.replace("level: high", "level: severe").replace("sys\\.exit\\(0\\)'", "x+'"),
        "three.yaml": "traces: lake\nstore: S\nworkers: many\nsample: 0\nlayot: flat\n",
        "odd.yaml": "traces: lake\nstore: S\nworkers: yes\ndate: 20261122\ncontracts: {max_dead_letter_ratio: yes}\n",
        "knot.yaml": "traces: &a [*a]\nstore: S\n",
        "two.yaml": "traces: lake\n---\nstore: S\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "latin.yml").write_bytes(b"pack: caf\xe9\n")
    os.mkfifo(folder / "empty" / "pipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = cotmonitor(*RUN.replace("--store S", "--store Good").split(), "--quiet")
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture(autouse=True)
def at_the_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)


ALLOW = "Check the path, or say --allow-empty if an empty night is all right."
COMMANDS: dict[str, tuple[str | list[str], str]] = {
    # what to read
    "an empty folder": (
        "run --monitors rules:tiny.yml --traces empty --store S",
        f"empty: the folder holds no Parquet file. {ALLOW}",
    ),
    "an empty glob": (
        "run --monitors rules:tiny.yml --traces empty/*.parquet --store S",
        f"empty/*.parquet: nothing matches. {ALLOW}",
    ),
    "only an index": (
        "run --monitors rules:tiny.yml --traces index/* --store S",
        "only indexes of transcript databases (.idx) match",
    ),
    "only folders": ("run --monitors rules:tiny.yml --traces l*e --store S", "l*e: only folders match."),
    "no pattern": (["run", "--monitors", "rules:tiny.yml", "--traces", "", "--store", "S"], "'': nothing matches."),
    "a pipe": (
        "run --monitors rules:tiny.yml --traces empty/pi* --store S",
        "empty/pipe: is a pipe or a device, not a file.",
    ),
    "a bucket": (
        "run --monitors rules:tiny.yml --traces s3://b/x --store S",
        "s3://b/x: remote inputs are not supported yet.",
    ),
    "a root elsewhere": (f"{RUN} --root other --dry-run", "lake/a.parquet: lies outside the root other."),
    "nothing at all": ("run", "'traces' is missing. Give --traces or a job file."),
    # where to write
    "a store that is a file": ("run --monitors rules:tiny.yml --traces lake --store file", "is a file, not a store."),
    "a store below a file": (
        "run --monitors rules:tiny.yml --traces lake --store file/S",
        "cannot be made: not a directory.",
    ),
    "a folder with other things": (
        "run --monitors rules:tiny.yml --traces lake --store other",
        "is not a store and not empty (it holds 'notes.txt').",
    ),
    "a store in the input": (
        "run --monitors rules:tiny.yml --traces lake --store lake/S",
        "lake/S: lies inside the input folder lake.",
    ),
    "a store in the glob": (
        "run --monitors rules:tiny.yml --traces lake/**/*.parquet --store lake/S",
        "what is written there would be read by lake/**",
    ),
    "a store as input": ("run --monitors rules:tiny.yml --traces Good/traces --store Good", "which this run writes to"),
    "a newer store": ("runs --store newer", "has format 99, and this cotmonitor knows formats up to 1."),
    "a damaged store": ("runs --store damaged", "is damaged."),
    "a remote store": (
        "run --monitors rules:tiny.yml --traces lake --store gs://b/S",
        "gs://b/S: remote stores are not supported yet.",
    ),
    "a store of no name": (
        ["run", "--monitors", "rules:tiny.yml", "--traces", "lake", "--store", ""],
        "--store: found ''. Give a path.",
    ),
    # packs
    "no such pack": ("run --traces lake --store S --monitors rules:nope", "nope: no such rule pack."),
    "a broken pack": ("run --traces lake --store S --monitors rules:broken.yml", "broken.yml:2: not valid YAML:"),
    "a pack that is a list": ("packs lint list.yml", "list.yml:1: pack: expected a mapping, found a list."),
    "a pack that is not UTF-8": ("packs lint latin.yml", "latin.yml: is not UTF-8 text."),
    "a rule that fails its test": (
        "run --traces lake --store S --monitors rules:wrong/tiny.yml",
        "wrong/tiny.yml:23: rule TG08.hard-code: no_match test 1 fires on 'hard-code' in 'we hard-code it'.",
    ),
    "two packs of one name": (f"{RUN},rules:tiny.yml", "rules.tiny: two packs bear this name."),
    "an unknown monitor": ("run --traces lake --store S --monitors magic", "--monitors: unknown monitor 'magic'."),
    "no monitor": ("run --traces lake --store S --monitors ,", "--monitors: no monitor is named."),
    # job files
    "a job file that is not there": ("run nowhere.yaml", "nowhere.yaml: cannot be read: No such file or directory."),
    "a job file that holds itself": ("run knot.yaml", "knot.yaml:1: an anchor holds itself."),
    "two job files in one": ("run two.yaml", "two.yaml:2: expected a single document in the stream"),
    # flags
    "an unknown flag": (f"{RUN} --nonsense", "No such option '--nonsense'"),
    "a flag misspelt": ("run --trace lake --store S", "Did you mean one of"),
    "a map without a source": (f"{RUN} --map reasoning", "'reasoning' is not TARGET=SOURCE"),
    "a map to nothing known": (f"{RUN} --map resoning=cot", "--map: nothing is called 'resoning'. Use reasoning."),
    "a map given twice": (f"{RUN} --map reasoning=a,reasoning=b", "'reasoning' is given twice"),
    "an unknown layout": (f"{RUN} --layout excel", "--layout: unknown layout 'excel'. Use auto, canonical,"),
    "a date that is none": (f"{RUN} --date nonsense", "--date: found 'nonsense'. Write it as YYYY-MM-DD."),
    "a sample of nothing": (f"{RUN} --sample 0", "--sample: found 0. Input should be greater than or equal to 1."),
    "no workers": (f"{RUN} --workers 0", "--workers: found 0."),
    "a ratio above one": (f"{RUN} --max-dead-letter-ratio 7", "--max-dead-letter-ratio: found 7.0."),
    "a ratio that is no number": (f"{RUN} --max-dead-letter-ratio nan", "--max-dead-letter-ratio: found nan."),
    "a format of no name": (f"{RUN} --format nonsense", "'nonsense' is not one of 'text', 'json'"),
    # Beam
    "an unknown Beam flag": (f"{BEAM} --nonsense=3", "--nonsense=3: no Beam option has this name."),
    "a Beam flag of the wrong type": (f"{BEAM} --direct_num_workers=x", "invalid int value: 'x'"),
    "an unknown runner": (f"{BEAM} --runner=FooRunner", "--runner=FooRunner: Beam cannot use it:"),
    "a runner of no name": (f"{BEAM} --runner", "--runner: names no runner."),
    # questions
    "SQL that is wrong": (["sql", "SELEC 1", "--store", "Good"], 'SQL: Parser Error: syntax error at or near "SELEC"'),
    "a column that is not there": (
        ["sql", "SELECT nope FROM alerts", "--store", "Good"],
        'Referenced column "nope" not found',
    ),
    "SQL that writes": (["sql", "DELETE FROM raw.alerts", "--store", "Good"], "SQL: only reading is possible."),
    "SQL that writes a file": (
        ["sql", "COPY alerts TO 'out.csv'", "--store", "Good"],
        "SQL: only reading is possible.",
    ),
    "a size of memory": (
        ["sql", "SELECT 1", "--store", "Good", "--memory-limit", "much"],
        "'much' is no size of memory.",
    ),
    "an alert that is not there": ("show deadbeef --store Good", "no alert or finding begins with 'deadbeef'."),
    "an id that is none": ("show x --store Good", "'x' is no alert id."),
    "a finding that is not there": ("review deadbeef --store Good --verdict unsure", "no alert or finding begins with"),
    "an unknown verdict": ("review deadbeef --store Good --verdict maybe", "'maybe' is not one of 'true_positive'"),
    "an unknown format": ("alerts --store Good --format nonsense", "'nonsense' is not one of 'table', 'json', 'csv'"),
    "an unknown behaviour": ("alerts --store Good --behaviour XX", "there is no behaviour 'XX'."),
    "an unknown run": ("alerts --store Good --run nope", "no run begins with 'nope'."),
    "an unknown command": ("nonsense", "No such command 'nonsense'."),
    **{
        f"{command} without a store": (f"{command} --store nowhere".split(), "nowhere: there is no such folder.")
        for command in ("alerts", "sql SELECT", "show deadbeef", "review deadbeef --verdict unsure", "runs")
    },
}


@pytest.mark.parametrize(("args", "says"), COMMANDS.values(), ids=COMMANDS)
def test_refused_with_2(desk: Path, args: str | list[str], says: str) -> None:
    result = cotmonitor(*(args.split() if isinstance(args, str) else args))
    assert result.exit_code == 2
    assert says in result.stderr
    assert not result.stdout
    assert not (desk / "S").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        pytest.param(
            "run three.yaml",
            "cotmonitor: three.yaml:3: workers: found 'many'. Input should be a valid integer, unable to parse string "
            "as an integer.\n"
            "three.yaml:4: sample: found 0. Input should be greater than or equal to 1.\n"
            "three.yaml:5: unknown key 'layot'. Did you mean 'layout'?\n",
            id="three faults in a job file",
        ),
        pytest.param(
            "run odd.yaml",
            "cotmonitor: odd.yaml:3: workers: found True. A number is needed.\n"
            "odd.yaml:4: date: found 20261122. Write it as YYYY-MM-DD.\n"
            "odd.yaml:5: contracts.max_dead_letter_ratio: found True. A number is needed.\n",
            id="what YAML makes of yes, and of a date without dashes",
        ),
        pytest.param(
            "packs lint severe.yml",
            "severe.yml:10: rule TG08.hard-code: unknown level 'severe'. Use one of informational, low, "
            "medium, high, critical.\nsevere.yml:33: ",
            id="two faults in a pack",
        ),
    ],
)
def test_all_faults_are_told_at_once_with_their_lines(args: str, says: str) -> None:
    result = cotmonitor(*args.split())
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_name_that_no_table_can_hold(tmp_path: Path) -> None:
    path = flat(tmp_path / "lake" / "a.parquet", rollouts(1))
    os.rename(path, os.fsencode(path.parent) + b"/caf\xe9.parquet")
    result = cotmonitor(*RUN.split(), "--traces", str(path.parent))
    assert result.exit_code == 2
    assert "caf\\udce9.parquet': the name is not UTF-8, so no table can hold it. Rename it." in result.stderr


def test_a_name_in_a_message_cannot_steer_the_terminal() -> None:
    result = cotmonitor(*RUN.split(), "--traces", "\x1b[2Jlake")
    assert result.exit_code == 2
    assert "␛[2Jlake: nothing matches" in result.stderr


def test_links_and_other_endings_are_found(tmp_path: Path) -> None:
    flat(tmp_path / "far" / "A.PARQUET", rollouts(1, "a"))
    flat(tmp_path / "lake" / "b.pq" / "part.parquet", rollouts(1, "b"))
    (tmp_path / "lake" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "lake" / "round").symlink_to(tmp_path / "lake")
    for pattern, files in (("lake", 2), ("lake/*", 1), ("lake/**/*", 2)):
        result = cotmonitor("run", "--traces", str(tmp_path / pattern), *RUN.split()[3:], "--dry-run")
        assert result.exit_code == 0
        assert f"would read {files} file" in result.stderr


def test_too_many_dead_letters_say_of_what(tmp_path: Path) -> None:
    flat(tmp_path / "lake" / "a.parquet", [{**r, "trace_id": None} for r in rollouts(3)])
    flat(tmp_path / "lake" / "b.parquet", [{"trace_id": "x", "cot": "y"}])
    places = f"--traces {tmp_path}/lake --root {tmp_path} --store {tmp_path}/S"
    result = cotmonitor(*f"run {places} --monitors rules:tiny.yml --quiet".split())
    assert result.exit_code == 3
    assert "few input rows are dead letters. Observed all files: 1; expected at most 0.05." in result.stderr
    assert "  3 x null_id: lake/a.parquet, row 0: trace_id is null\n" in result.stderr
    assert "  1 x unknown_layout: lake/b.parquet: no layout explains its columns (trace_id, cot)." in result.stderr
    assert "--map reasoning=cot" in result.stderr


@contextmanager
def read_only(store: Path, aside: Path) -> Iterator[Path]:
    """The store as a place where nothing can be written: root needs a mount for that."""
    if os.geteuid():
        store.chmod(0o500)
        try:
            yield store
        finally:
            store.chmod(0o700)
        return
    aside.mkdir()
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "--bind", store, aside], capture_output=True).returncode:
        pytest.skip("root may write anywhere, and cannot mount here")
    try:
        if subprocess.run([mount, "-o", "remount,ro,bind", aside], capture_output=True).returncode:
            pytest.skip("cannot mount for reading only here")
        yield aside
    finally:
        subprocess.run(["umount", aside], capture_output=True, check=True)


def test_a_store_that_may_only_be_read(desk: Path, tmp_path: Path) -> None:
    store = tmp_path / "S"
    shutil.copytree(desk / "Good", store)
    with read_only(store, tmp_path / "mounted") as place:
        for command in (
            f"run --monitors rules:tiny.yml --traces lake --store {place}",
            f"review deadbeef --verdict unsure --store {place}",
        ):
            result = cotmonitor(*command.split())
            assert result.exit_code == 2
            assert "is read-only. Change its permissions, or choose another --store." in result.stderr
        for command in (f"alerts --store {place}", f"runs --store {place}"):
            assert cotmonitor(*command.split()).exit_code == 0
