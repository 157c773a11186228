"""What the download worker is told, and the lines it answers with: JSON on its standard streams."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sottovoce.models.entry import ModelEntry

RESERVE_BYTES = 512 << 20
"""Disk space that a download leaves to the rest of the machine: a full disk hurts everybody."""

RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0)
"""Seconds between attempts that bring nothing; the first byte starts them anew. Together 90 s: a router's
restart is survived, and who has no network learns it before too long."""

Step: TypeAlias = Literal["asking", "fetching", "waiting", "checking", "done"]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)


class Job(_Line):
    """One model to fetch. `revision` wins over the entry's: a repair takes what the model was made from."""

    home: Path
    entry: ModelEntry
    hub_url: str
    revision: str | None = None
    reserve_bytes: int = RESERVE_BYTES
    retry_delays: tuple[float, ...] = RETRY_DELAYS


class Progress(_Line):
    """How far a download is. `bytes` of `total_bytes` are here, of all files, those that were here before
    included; `file_bytes` of `file_total_bytes` belong to `file`. `rate` is in bytes a second over the last
    few. `note` says what is waited for. Totals are 0 until the hub has answered."""

    type: Literal["progress"] = "progress"
    step: Step
    bytes: int = 0
    total_bytes: int = 0
    file: str = ""
    file_bytes: int = 0
    file_total_bytes: int = 0
    file_number: int = 0
    file_count: int = 0
    rate: float = 0.0
    note: str = ""

    @property
    def fraction(self) -> float:
        """0 to 1."""
        return min(self.bytes / self.total_bytes, 1.0) if self.total_bytes else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None where that says nothing."""
        if self.step != "fetching" or self.rate <= 0:
            return None
        return (self.total_bytes - self.bytes) / self.rate


class Failure(_Line):
    """Why there will be no model: a code of `download_errors` and a sentence for people."""

    type: Literal["failure"] = "failure"
    code: str
    message: str


Line: TypeAlias = Annotated[Progress | Failure, Field(discriminator="type")]
LINE: TypeAdapter[Line] = TypeAdapter(Line)

MAX_LINE_BYTES = 64 << 10
"""Of one line from the worker."""
