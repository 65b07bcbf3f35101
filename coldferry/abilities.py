"""What some clouds can tell beside what :mod:`coldferry.ports` asks of all of them.

Each is found by asking whether the object has it; a cloud without it is worked with all the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from coldferry.contents import DiskContent
from coldferry.errors import Finding
from coldferry.estimating import Share, Terms
from coldferry.machine import Machine
from coldferry.plan import Device, Plan
from coldferry.ports import DiskReader, Owned
from coldferry.rations import Ration
from coldferry.traffic import End


@runtime_checkable
class Priced(Protocol):
    """A catalogue that knows what its sizes cost."""

    def usd_per_hour(self, size: str) -> float | None:
        """The listed price without any discount; None where it is not known."""


@runtime_checkable
class Billed(Protocol):
    """A cloud that knows what it costs to keep things."""

    def usd_per_day(self, things: Sequence[Owned]) -> float | None:
        """The listed price of keeping all of them; None where one's is not known."""


@dataclass(frozen=True)
class Glimpse:
    """A disk as somebody kept it at an earlier time, ``as_of`` (ISO 8601); closed by its user."""

    device: Device
    as_of: str
    reader: AbstractContextManager[DiskReader]


@runtime_checkable
class Recalling(Protocol):
    """A source that knows of earlier states of its disks, which others keep; nothing is made."""

    def latest(self, devices: Sequence[Device]) -> Iterator[Glimpse]:
        """The newest of each device that has one, in their order."""


@runtime_checkable
class Surveyor(Protocol):
    """A source that describes a machine and says what stands against it by one look."""

    def survey(self, vm: str) -> tuple[Machine, list[Finding]]:
        """What ``describe`` and ``unmovable`` say, for half of the calls. Raises UnknownMachine."""


@runtime_checkable
class SourceReckoner(Protocol):
    """A source that says what its part of a migration takes; pure, asks nobody."""

    end: End

    def source_share(self, plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
        """Calls by class, what bounds each step, and what is paid for; ``contents`` as devices."""


@runtime_checkable
class TargetReckoner(Protocol):
    """A target that says what its part of a migration takes; pure, asks nobody."""

    end: End

    def target_share(self, plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
        """The same, and what it needs of the target's quotas."""


@runtime_checkable
class Rationing(Protocol):
    """A target that says what a new machine takes of its quotas; pure, asks nobody."""

    def rations(self, plan: Plan, catalogue: Any) -> list[Ration]:
        """Of what ``catalogue`` tells; fields that ``plan`` leaves open take nothing yet."""
