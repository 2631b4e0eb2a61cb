"""What an audit is asked, looked at before any work is done: every fault at once, and nothing written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.audit.corpus.files import list_files
from pipelines.audit.graders.command import parse_command
from pipelines.audit.history import corpus_print
from pipelines.audit.report import check_home, check_place
from pipelines.audit.rows.selection import Selection, load_selection
from pipelines.audit.settings import AuditSettings
from pipelines.export.ids import key_print, read_key
from pipelines.guard import Guard
from pipelines.inputs import expand, fingerprint
from pipelines.store import Store
from schemas.digest import digest
from schemas.errors import Fault, FirewallError, InputError, StoreError

COMMAND = "cotmonitor audit"
CERTIFICATE = "certificate.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """The settings, and what they name: opened, parsed, listed.

    `files` are the (name, path) of the corpus, `given` digests of whatever else decides the answer.
    """

    settings: AuditSettings
    store: Store
    place: str
    files: tuple[tuple[str, str], ...]
    payloads: tuple[tuple[str, str], ...]
    key: bytes | None
    selection: Selection | None
    command: tuple[str, ...] | None
    report: Path | None
    given: tuple[str, ...]


def look_at(settings: AuditSettings, write: bool) -> Asked:
    """What was asked, if it can be; raises InputError or FirewallError with all that is wrong, StoreError for no store.

    With `write` the store is opened for writing.
    """
    store = Store.open(settings.store, write)
    if not os.access(store.path, os.R_OK | os.X_OK):
        raise StoreError(f"{store.path}: cannot be read. Change its permissions, or run as somebody who may.")
    found = _Faults()
    with found.gathered():
        check_home(store)
    files: Sequence[tuple[str, str]] = ()
    payloads: Sequence[tuple[str, str]] = ()
    key = selection = command = report = None
    given: list[str] = []
    with found.gathered():
        files = list_files(settings.corpus)
    with found.gathered():
        _keep_out(settings.corpus, files)
    with found.gathered():
        if settings.certificate:
            _needs_export(settings.corpus)
    if settings.id_key_file is not None:
        with found.gathered():
            key = read_key(settings.id_key_file)
            given.append(f"key:{key_print(key)}")
    if settings.selection is not None:
        with found.gathered():
            selection = load_selection(settings.selection)
            given.append(f"selection:{corpus_print('', [('', str(settings.selection))]).digest}")
    if settings.payloads is not None:
        with found.gathered():
            payloads = list_files(settings.payloads)
            given.append(f"payloads:{corpus_print('', payloads).digest}")
    if settings.reward_fn is not None:
        with found.gathered():
            command = parse_command(settings.reward_fn)
        if settings.traces is None:
            found.add(Fault("--reward-fn", None, "needs traces to ask about", "give --traces too"))
    if settings.traces is not None:
        with found.gathered():
            lake = fingerprint(expand([settings.traces]), None)
            given.append(f"lake:{digest(*(f.fingerprint for f in lake))}")
    if settings.report is not None:
        with found.gathered():
            report = check_place(store, settings.report, [path for _, path in files] or [settings.corpus])
    found.throw()
    place = os.path.abspath(os.path.expanduser(settings.corpus))
    return Asked(settings, store, place, tuple(files), tuple(payloads), key, selection, command, report, tuple(given))


def _keep_out(corpus: str, files: Sequence[tuple[str, str]]) -> None:
    """A corpus in, above or beside a store holds what monitors said, and no audit can mend that."""
    top = os.path.expanduser(corpus)
    try:
        for path in [top] if os.path.exists(top) else [path for _, path in files]:
            Guard().check(path, "the corpus")
    except FirewallError as error:
        todo = "move the corpus: what is trained on lies nowhere near a store"
        raise FirewallError(Fault(f.where, f.line, f.what, todo) for f in error.faults) from None


def _needs_export(corpus: str) -> None:
    folder = Path(os.path.expanduser(corpus))
    if not (folder / CERTIFICATE).is_file():
        what = f"{corpus} holds no {CERTIFICATE}, so it is no export"
        raise InputError([Fault("--certificate", None, what, "give the folder that `cotmonitor export` wrote")])


class _Faults:
    """What is wrong so far; one that concerns the firewall makes all of it a FirewallError."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._firewall = False

    def add(self, *faults: Fault) -> None:
        self._faults += faults

    @contextmanager
    def gathered(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            self._firewall |= isinstance(error, FirewallError)
            self.add(*(error.faults or [Fault(COMMAND, None, str(error))]))

    def throw(self) -> None:
        if self._faults:
            raise (FirewallError if self._firewall else InputError)(dict.fromkeys(self._faults))
