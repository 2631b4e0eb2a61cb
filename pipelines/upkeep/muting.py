"""Mutes: what somebody knows of and answers for does not wake anybody again, for a while."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipelines.store import Store
from schemas.canary import CANARY
from schemas.digest import digest
from schemas.errors import Fault, InputError
from schemas.upkeep import MUTES, SCOPE

MOST_DAYS = 180  # longer than that nobody remembers why
ALONE = ("finding_id", "signature")  # narrow enough by themselves; anything else needs an environment


@dataclass(frozen=True, slots=True)
class Muted:
    """A mute and how many alerts it covers now."""

    mute_id: str
    alerts: int


def mute(
    store: Store,
    scope: Mapping[str, str],
    owner: str,
    reason: str,
    last_day: dt.date,
    today: dt.date | None = None,
    dry_run: bool = False,
) -> Muted:
    """Mute alerts that have every value of `scope` (of the columns SCOPE) until the end of `last_day` (UTC).

    The same scope again is the same mute with a new owner, reason and last day. Raises `InputError` where it says not
    whose it is, why or until when, or covers more than alike findings in one environment.
    """
    today = today or dt.datetime.now(dt.UTC).date()
    faults = [*_faults(scope, owner, reason, last_day, today)]
    if faults:
        raise InputError(faults)
    row = _row(scope, owner.strip(), reason.strip(), last_day, False)
    covered = _covered(store, scope)
    if not dry_run:
        store.append(MUTES, pa.Table.from_pylist([row], MUTES.arrow()), "mute")
    return Muted(str(row["mute_id"]), covered)


def lift(store: Store, mute_id: str, owner: str, reason: str, dry_run: bool = False) -> str:
    """End a mute, named by its id or the first digits of it; return the id."""
    with store.connect() as con:
        query = "SELECT * FROM mutes WHERE starts_with(mute_id, ?)"
        found = con.sql(query, params=[mute_id]).to_arrow_table().to_pylist()
    if len(found) != 1:
        raise InputError(f"{len(found)} mutes begin with {mute_id!r}. `cotmonitor mute list` shows them.")
    known = found[0]
    if known["in_force"] and not dry_run:
        scope = {name: known[name] for name in SCOPE if known[name] is not None}
        row = _row(scope, owner, reason, known["last_day"], True)
        store.append(MUTES, pa.Table.from_pylist([row], MUTES.arrow()), "mute")
    return str(known["mute_id"])


def _faults(scope: Mapping[str, str], owner: str, reason: str, last_day: dt.date, today: dt.date) -> list[Fault]:
    faults = []
    if not owner.strip():
        faults.append(Fault("--owner", None, "nobody answers for the mute", "name somebody"))
    if not reason.strip():
        faults.append(Fault("--reason", None, "a mute needs a reason", "say why this may be quiet"))
    if not today <= last_day <= today + dt.timedelta(MOST_DAYS):
        what = f"{last_day} is not within {MOST_DAYS} days from {today}"
        faults.append(Fault("--until", None, what, "a mute has an end, and is set again if it must"))
    if not scope:
        faults.append(Fault("mute", None, "nothing is named", "give --finding, --signature, or --environment and more"))
    elif not set(scope) & set(ALONE) and not ("environment" in scope and len(scope) > 1):
        what = f"{', '.join(scope)} alone would mute too much"
        faults.append(Fault("mute", None, what, "name a behaviour, rule or monitor and one environment"))
    return faults


def _row(scope: Mapping[str, str], owner: str, reason: str, last_day: dt.date, lifted: bool) -> dict[str, object]:
    return {
        "mute_id": digest("mute", *(f"{name}={scope[name]}" for name in SCOPE if name in scope)),
        "set_at": dt.datetime.now(dt.UTC),
        **{name: scope.get(name) for name in SCOPE},
        "owner": owner,
        "reason": reason,
        "last_day": last_day,
        "lifted": lifted,
        "canary": f"{CANARY}:mute",
    }


def _covered(store: Store, scope: Mapping[str, str]) -> int:
    conditions = ["list_contains(rules, ?)" if name == "rule" else f"{name} = ?" for name in scope]
    with store.connect() as con:
        query = f"SELECT count(*) FROM alerts WHERE {' AND '.join(conditions)}"
        return int(con.execute(query, list(scope.values())).fetchall()[0][0])
