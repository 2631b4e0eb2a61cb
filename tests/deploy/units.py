"""Unit files as data."""

from __future__ import annotations

from pathlib import Path

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
# the ways in which one unit can bring about, await or follow another
EDGES = (
    *("Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds", "Conflicts", "Before", "After"),
    *("OnSuccess", "OnFailure", "PropagatesStopTo", "StopPropagatedFrom", "JoinsNamespaceOf", "RequiresMountsFor"),
    *("Unit", "Sockets", "Service", "Also", "RequiredBy", "WantedBy", "Alias", "Triggers"),
)


def settings(unit: Path) -> dict[str, list[str]]:
    """Every setting with all the values it is given, in order.

    >>> settings(SYSTEMD / "cotmonitor-run.timer")["Persistent"]
    ['true']
    """
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#;[":
            name, _, value = line.partition("=")
            found.setdefault(name.strip(), []).append(value.strip())
    return found


def words(unit: Path, *names: str) -> list[str]:
    """The words of the given settings.

    >>> words(SYSTEMD / "cotmonitor-export.service", "ReadWritePaths")
    ['/srv/cotmonitor/training']
    """
    given = settings(unit)
    return [word for name in names for value in given.get(name, ()) for word in value.split()]
