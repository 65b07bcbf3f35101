"""What some clouds can tell beside what :mod:`coldferry.ports` asks of all of them.

Each is found by asking whether the object has it; a cloud without it is worked with all the same.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from coldferry.contents import DiskContent
from coldferry.disk import Changes
from coldferry.errors import Finding
from coldferry.estimating import Share, Terms
from coldferry.machine import Machine
from coldferry.plan import Device, Plan
from coldferry.ports import DiskReader, Erased, FrozenDisk, Owned
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
class StillOnly(Protocol):
    """A source whose disks may have no immutable point in time while the machine runs.

    Where it is so, machines are copied after the halt only; a survey then says why.
    """

    @property
    def freezes_stopped_only(self) -> bool:
        """Whether it is so."""


@runtime_checkable
class Differing(Protocol):
    """A source that knows what was written to a disk between two frozen states of it.

    Of another source all is read again after the halt, and compared with what was copied before.
    """

    def changes(
        self, before: FrozenDisk, after: FrozenDisk
    ) -> AbstractContextManager[Changes | None]:
        """All that differs between the two, and maybe more; leaving closes connections.

        None where it cannot be told, for whatever reason: the earlier one is gone, or is of
        another disk, or the credentials may not ask, or what answers shows that it does not
        compare. Raises Transient and Unreachable only. What is told is walked afterwards and may
        raise any ProviderError: Transient for what is documented as worth another try; for
        everything else all is read again.
        """


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


@dataclass(frozen=True)
class Removal:
    """A source machine and all that goes with it, and what stands against removing it."""

    things: tuple[Owned, ...]
    findings: tuple[Finding, ...] = ()


@runtime_checkable
class Removing(Protocol):
    """A source that can remove a machine that another took over from.

    Nothing is removed but the machine, those of its disks whose ids are ``copied``, and
    interfaces that the cloud removes with it. Its tags, as a fresh read has them, must say
    that ``migration`` was cut over or finalised.
    """

    def removal(self, vm: str, migration: str, copied: Collection[str]) -> Removal:
        """What :meth:`remove` would take; changes nothing. Raises UnknownMachine.

        ``refuse``: it is not stopped, is protected, was not moved by this migration, was started
        or got a disk since then, or has a disk that is not among the ``copied``.
        """

    def remove(self, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
        """Remove it, and return once the cloud shows none of it; nothing for one that is gone.

        Looks afresh first, and raises Conflict for whatever :meth:`removal` refuses.
        """

    def remaining(self, things: Sequence[Owned]) -> list[Owned]:
        """Which of them are there, as of now."""


@runtime_checkable
class Rationing(Protocol):
    """A target that says what a new machine takes of its quotas; pure, asks nobody."""

    def rations(self, plan: Plan, catalogue: Any) -> list[Ration]:
        """Of what ``catalogue`` tells; fields that ``plan`` leaves open take nothing yet."""


@runtime_checkable
class Trying(Protocol):
    """A target that can start a copy of a machine that it made, and show what that one says.

    What is made for it bears :func:`coldferry.boot_check.trial_of` the migration, and reaches
    nobody but its cloud's own services. The machine itself stays off, and its disks as proven.
    """

    def start_trial(self, plan: Plan) -> str:
        """Copy the stopped machine's disks and start a machine of the copies; its id.

        What an earlier trial left is removed first. Raises Conflict for a machine that is not
        there or not stopped, Refused for disks that cannot be copied.
        """

    def trial_console(self, trial_id: str) -> str:
        """All that it has said so far; it may come late."""

    def end_trial(self, migration: str) -> list[Erased]:
        """Remove all of it, running or not."""
