"""The limits of the contracts that are a matter of taste; the others are simply true or not."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class ContractSettings(BaseModel):
    """Limits that a job file may override under `contracts:`.

    >>> ContractSettings(max_dead_letter_ratio=0.2).max_dead_letter_ratio
    0.2
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_dead_letter_ratio: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of input rows that may be dead letters. More says that a producer changed.",
    )
    max_share_without_reasoning: float = Field(
        default=0.98,
        ge=0,
        le=1,
        description=(
            "Share of traces that may have neither reasoning nor actions. More says that a column was renamed and the "
            "monitors look at nothing; honest data sets have more prompts than thoughts, but not fifty to one."
        ),
    )
    warn_share_without_reasoning: float = Field(
        0.5,
        ge=0,
        le=1,
        description=(
            "Share of traces without reasoning, whatever else they have, above which the run warns. What they did was "
            "read; what they thought was not there, perhaps since its column bears another name."
        ),
    )
    max_share_not_assessed: float = Field(
        default=0.98,
        ge=0,
        le=1,
        description=(
            "Share of traces that a monitor may leave unassessed. Traces without reasoning are left so by right, hence "
            "as lenient as max_share_without_reasoning; more says that the monitor is blind, whatever it reports."
        ),
    )
    min_rows_for_shares: int = Field(
        default=20,
        ge=0,
        description="With fewer traces the shares of traces without reasoning and not assessed only warn.",
    )
    min_recent_runs: int = Field(
        default=3, ge=1, description="Done runs over the same inputs needed before a run is compared with them."
    )
    min_volume_ratio: float = Field(
        default=0.1, ge=0, description="Rows read, over the median of recent runs, below which the run warns."
    )
    max_volume_ratio: float = Field(
        default=10.0, ge=0, description="Rows read, over the median of recent runs, above which the run warns."
    )
    max_alert_rate_ratio: float = Field(
        default=5.0, ge=0, description="Alerts per row, over the median of recent runs, above which the run warns."
    )
    min_alerts_for_rate: int = Field(
        default=20,
        ge=0,
        description="Up to this many alerts, their rate is not compared: a few alerts are read, not doubted.",
    )
    warnings_fail: bool = Field(default=False, description="Fail the run on warnings too.")

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and info.field_name != "warnings_fail":  # YAML reads yes as true: a limit of 1
            raise ValueError("a number is needed")
        return value
