"""Everything that can go wrong, as one tree; the number is the exit code.

::

    ColdferryError
    +-- BadInput (2)              the caller's words are off; nothing was touched
    |   +-- UnknownMachine
    |   +-- UnknownBlock
    |   +-- UnknownMigration
    |   +-- BadAnswer
    |   +-- FaultyFile
    +-- TranslationsMissing (3)   a person must supply translations
    +-- Refused (4)               refused before anything was created
    |   +-- NotMovable            the machine itself cannot be moved as it is
    |   +-- PreflightFailed       all findings at once
    |   +-- NotAsApproved         the plan is no longer the one that was approved
    +-- ProviderError (4)         a cloud said no, or nothing; 5 once the source is halted
    |   +-- Transient             worth another try: throttled, busy, lost reply
    |   |   +-- Unreachable
    |   +-- Denied
    |   +-- Conflict              the object is not in a state that allows this
    |   +-- Gone                  the object is not there
    |   +-- Quota
    +-- Failed (5)                ended after the source was touched; says how to go on
    |   +-- WillNotStop
    |   +-- Drifted
    |   +-- CorruptCopy
    |   +-- DiskSealed
    |   +-- Undone
    |   +-- ChecksFailed
    |   +-- WaveUnfinished        some of a wave's machines did not arrive
    +-- Ended (6)                 a person's decision, or the lack of one
        +-- Rejected
        +-- Cancelled

Only a provider's own client module turns an SDK's exception into one of these,
and it leaves the SDK's text behind where that could carry a signature.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from coldferry.plain import fields_need, visible


class ColdferryError(Exception):
    """What happened, to what, and what the person should do now.

    ``what`` and ``do`` are plain sentences without secrets. ``resumable`` says
    whether the same command again goes on where this one ended.
    """

    exit_code: ClassVar[int] = 1
    resumable: bool = False
    findings: Sequence["Finding"] = ()
    cause_code: str | None = None
    """The code of the error that this one was made from, if any."""

    def __init__(self, what: str, do: str = "", *, resumable: bool | None = None) -> None:
        self.what = visible(what)  # a name in it may hold what a terminal or a log obeys
        self.do = visible(do)
        super().__init__(self.what)
        if resumable is not None:
            self.resumable = resumable

    @property
    def code(self) -> str:
        """A stable word for machines: the class name with hyphens."""
        if self.cause_code:
            return self.cause_code
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")

    def __str__(self) -> str:
        return f"{self.what} {self.do}".strip()


class BadInput(ColdferryError):
    """The caller's words are off; nothing was touched."""

    exit_code = 2


class UnknownMachine(BadInput):
    """The provider has no machine of that name."""


class UnknownBlock(BadInput):
    """No saved block bears that name, or it is of another kind."""


class UnknownMigration(BadInput):
    """No saved block's cloud knows that migration."""


class BadAnswer(BadInput):
    """Answers that do not fit; ``problems`` maps each path to its sentence."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = {path: problem.rstrip(".") for path, problem in problems.items()}
        listed = "; ".join(f"{path}: {problem}" for path, problem in self.problems.items())
        super().__init__(
            f"Some answers cannot be used: {listed}.",
            "Correct them and give the same answers again.",
        )


class FaultyFile(BadInput):
    """A file with faults; ``faults`` holds a sentence for each, with its line."""

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__(
            f"Nothing of {name} was taken: {'; '.join(faults)}.",
            "Correct it and give it again.",
        )


class TranslationsMissing(ColdferryError):
    """Fields that the target cannot translate by itself and nobody answered.

    ``stale`` says by path why the translation book's value no longer serves.
    """

    exit_code = 3
    resumable = True

    def __init__(self, missing: Sequence[str], stale: Mapping[str, str] | None = None) -> None:
        self.missing = list(missing)
        why = "".join(f" {path}: {reason}." for path, reason in (stale or {}).items())
        super().__init__(
            f"{fields_need(len(self.missing))} a person: {', '.join(self.missing)}.{why}",
            "Write them down with 'coldferry plan … --write-answers FILE', "
            "fill the file in, and give it with --answers FILE.",
        )


@dataclass(frozen=True)
class Finding:
    """One fault or remark found before anything is created.

    ``severity`` is ``refuse`` (the migration cannot go on), ``warn`` or
    ``inform``; ``subject`` is the object it is about.
    """

    severity: str
    code: str
    subject: str
    what: str
    do: str = ""


_SEVERITIES = ("refuse", "warn", "inform")


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, what refuses first."""
    return sorted(dict.fromkeys(findings), key=lambda found: _SEVERITIES.index(found.severity))


class Refused(ColdferryError):
    """Refused before anything was created."""

    exit_code = 4

    def __init__(
        self,
        what: str,
        do: str = "",
        *,
        findings: Sequence[Finding] = (),
        resumable: bool | None = None,
    ) -> None:
        super().__init__(what, do, resumable=resumable)
        self.findings = list(findings)

    @classmethod
    def because(cls, findings: Sequence[Finding], *, resumable: bool | None = None) -> "Refused":
        """The refusal that names all findings at once."""
        return cls(
            " ".join(finding.what for finding in findings),
            " ".join(dict.fromkeys(finding.do for finding in findings if finding.do)),
            findings=findings,
            resumable=resumable,
        )


class NotMovable(Refused):
    """The machine cannot be moved as it is (spot, hibernated, in a group, no disk)."""


class PreflightFailed(Refused):
    """One of the clouds would not let it: permissions, quotas, locks, keys, names, addresses."""


class NotAsApproved(Refused):
    """The plan is not the one that was approved before; ``missing`` are its gaps, by path."""

    def __init__(self, migration: str, changed: Sequence[str], missing: Sequence[str]) -> None:
        self.missing = list(missing)
        parts = [f"it changed at {', '.join(changed)}"] if changed else []
        if missing:
            parts.append(f"{fields_need(len(self.missing))} a person: {', '.join(self.missing)}")
        super().__init__(
            f"The plan of {migration} is not the one that was approved: {'; '.join(parts)}.",
            "Nothing was touched. Have it approved anew: run the wave again, or the machine alone.",
            resumable=True,
        )


class ProviderError(ColdferryError):
    """A cloud refused or failed one operation on one object."""

    exit_code = 4
    resumable = True


class Transient(ProviderError):
    """Worth another try; ``retry_after_s`` is what the provider asked for, if it did."""

    def __init__(self, what: str, do: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(what, do or "Try again in a few minutes.")
        self.retry_after_s = retry_after_s


class Unreachable(Transient):
    """No answer at all from the provider's endpoint."""


class Denied(ProviderError):
    """The credentials do not allow it."""


class Conflict(ProviderError):
    """The object is not in a state that allows this."""


class Gone(ProviderError):
    """The object is not there."""


class Quota(ProviderError):
    """An account limit is in the way."""


class Failed(ColdferryError):
    """Ended after the source was touched; what was made stays for the rerun."""

    exit_code = 5
    resumable = True


class WillNotStop(Failed):
    """The source did not reach ``stopped`` or refuses to be stopped."""


class Drifted(Failed):
    """The machine that was halted is not the machine that was approved."""


class CorruptCopy(Failed):
    """What was read back differs from what was copied."""


class DiskSealed(Failed):
    """The target's disk was closed for writing before it held all bytes."""


class Undone(Failed):
    """It was rolled back or rejected while it was carried out."""

    resumable = False


class WaveUnfinished(Failed):
    """Not all of a wave's machines came as far as was asked; ``document`` says where they are."""

    def __init__(
        self,
        what: str,
        document: Mapping[str, Any],
        do: str = "The same wave again does what is left.",
    ) -> None:
        super().__init__(what, do)
        self.document = dict(document)


class Ended(ColdferryError):
    """A person's decision, or the lack of one, ended it; nothing is at the target."""

    exit_code = 6


class Rejected(Ended):
    """A person said no."""


class Cancelled(Ended):
    """Cancelled or timed out while waiting."""


class ChecksFailed(Failed):
    """The new machine runs, and does not do what it was asked to show."""


def after_halt(error: ColdferryError, migration: str = "") -> ColdferryError:
    """The same trouble once the source was touched: no longer a refusal, but a failure.

    A ``migration`` that is under way keeps the answers that it was approved
    with: so what to do ends with the way out of it.
    """
    if isinstance(error, Failed | Ended):
        return error
    do = error.do
    if migration and "coldferry rollback" not in do:
        out = f"To give it up, or to answer otherwise: 'coldferry rollback {migration}' first."
        do = f"{do} {out}".strip()
    failed = Failed(error.what, do, resumable=error.resumable)
    failed.cause_code = error.code
    failed.findings = error.findings
    return failed


@dataclass(frozen=True)
class Problem:
    """An error as it is printed in JSON."""

    code: str
    what: str
    do: str
    resumable: bool
    findings: list[Finding] = field(default_factory=list)


def problem(error: ColdferryError) -> Problem:
    """The JSON shape of an error."""
    return Problem(error.code, error.what, error.do, error.resumable, list(error.findings))
