"""The doctor: what works is said to work, and what tonight's job lacks is named before the night."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines import doctor
from pipelines.cli import main
from schemas.errors import CotmonitorError, InputError
from tests.pipelines.lakes import flat, pack, rollouts


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., dict[str, Callable[[], str]]]:
    """The checks of a job file, by name."""
    flat(tmp_path / "lake" / "one.parquet", rollouts(5))

    def made(**more: object) -> dict[str, Callable[[], str]]:
        values = {
            "traces": [str(tmp_path / "lake")],
            "store": str(tmp_path / "S"),
            "monitors": [f"rules:{pack(tmp_path)}"],
            **more,
        }
        (tmp_path / "nightly.yaml").write_text("\n".join(f"{k}: {json.dumps(v)}" for k, v in values.items()))
        return dict(doctor.of_job(str(tmp_path / "nightly.yaml")))

    return made


def test_what_tonight_needs_is_looked_at(job: Callable[..., dict[str, Callable[[], str]]]) -> None:
    checks = job()
    assert list(checks) == ["job: traces", "job: store", "job: monitors"]
    assert checks["job: traces"]().startswith("1 files")
    assert checks["job: store"]().startswith("will be made")
    assert checks["job: monitors"]() == "rules.tiny 1.0.0"


def test_what_it_lacks_is_named(
    job: Callable[..., dict[str, Callable[[], str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_HOOK", raising=False)
    checks = job(traces=[str(tmp_path / "nowhere")], notify={"webhook_variable": "NO_SUCH_HOOK"})
    with pytest.raises(InputError, match="nowhere"):
        checks["job: traces"]()
    with pytest.raises(InputError, match="NO_SUCH_HOOK"):
        checks["job: notify"]()
    (unread,) = job(storr="x").values()
    with pytest.raises(CotmonitorError, match="storr"):
        unread()


def test_a_disk_with_little_room_is_told(
    job: Callable[..., dict[str, Callable[[], str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LITTLE", 1 << 80)
    with pytest.raises(CotmonitorError, match="are free, and tonight may want"):
        job()["job: store"]()


def test_an_extra_that_is_not_installed_is_absent_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "judge", ("a-package-that-nobody-made",))
    with pytest.raises(doctor.Absent, match=r"pip install 'cotmonitor\[judge\]'"):
        doctor.extra("judge")


def test_the_command_says_what_failed_and_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "INSTALLATION", (("python", doctor.python),))
    result = CliRunner().invoke(main, ["doctor", "--store", str(tmp_path / "none"), "--format", "json"])
    assert result.exit_code == 1
    told = {row["check"]: row["state"] for row in json.loads(result.stdout)}
    assert told == {"python": "ok", "store": "FAILED"}
