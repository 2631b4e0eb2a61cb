"""The judge of a job, as the store knows it: its spec, its part in units, and the monitors whose scores it goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitors.judge.prompt import judge_prompt
from monitors.judge.record import OWN
from monitors.judge.settings import AskSettings
from monitors.monitor import Monitor, MonitorSpec, Scope
from pipelines.judge.asking import Line
from pipelines.judge.reading import Reader
from pipelines.judge.settings import JudgeSettings
from pipelines.plan import Part
from schemas.behaviours import BEHAVIOURS


@dataclass(frozen=True)
class Judge:
    """A judge whose server is permitted; whether its key is there is another question."""

    settings: JudgeSettings
    ask: AskSettings
    spec: MonitorSpec
    excerpt_chars: int

    @classmethod
    def of(
        cls, settings: JudgeSettings, cheap: Sequence[Monitor], excerpt_chars: int, environment: Mapping[str, str]
    ) -> Judge:
        """Raises `InputError` for a server that the job does not permit."""
        ask = settings.ask(environment)
        scopes = tuple(Scope(b, OWN) for b in BEHAVIOURS)
        name = settings.judge_digest(ask, excerpt_chars, tuple(m.spec.digest for m in cheap))
        return cls(settings, ask, MonitorSpec(settings.name, judge_prompt().version, name, scopes), excerpt_chars)

    @property
    def part(self) -> Part:
        return Part(self.spec.id, self.spec.digest)

    def line(self, store: str, run_id: str, again: bool = False) -> Line:
        s = self.settings
        return Line(self.ask, s.calls(again), s.key_variable, s.token_parameter, s.proxy, store, run_id)

    def reader(self, run_id: str) -> Reader:
        s = self.settings
        return Reader(
            self.spec.id,
            self.spec.version,
            self.ask,
            s.threshold,
            self.excerpt_chars,
            s.redaction,
            s.price,
            run_id,
        )
