"""From an inspection's findings to one script: pure, and the same for the same findings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from coldferry.guest.evidence import Inspection
from coldferry.guest.needs import GuestNeeds
from coldferry.guest.preparing import linux, windows
from coldferry.guest.preparing.case import Case, Mend, Remedy, Step
from coldferry.guest.preparing.quoting import NotShowable, for_powershell, for_shell
from coldferry.machine import Machine
from coldferry.plain import plain

UNREADABLE_NAME = "Its name has characters that nobody sees: a script would not show what it does."
LAST = "initramfs"
"""What makes one reads the other settings."""
BY_HAND = "Nothing that a script can decide."


@dataclass(frozen=True)
class Language:
    """What the scripts of one system are written in; ``around`` stands around the steps."""

    remedies: Mapping[str, Mend]
    folder: str
    ending: str
    first_line: str
    around: tuple[str, str]
    quoted: Callable[[str], str]


# A script that comes by standard input must not be read by what it starts.
SHELL = Language(
    linux.REMEDIES, "shell", ".sh", "#!/bin/sh\n", ("{\n:\n", "} </dev/null\n"), for_shell
)
POWERSHELL = Language(windows.REMEDIES, "powershell", ".ps1", "", ("", ""), for_powershell)


@dataclass(frozen=True)
class Preparation:
    """The script, and what it does about each finding."""

    system: str
    script: str
    remedies: tuple[Remedy, ...]

    @property
    def mended(self) -> tuple[Remedy, ...]:
        """Those that the script does something about."""
        return tuple(remedy for remedy in self.remedies if remedy.steps)

    @property
    def by_hand(self) -> tuple[Remedy, ...]:
        """Those that are left to a person."""
        return tuple(remedy for remedy in self.remedies if not remedy.steps)


def prepare(
    machine: Machine,
    inspection: Inspection,
    needs: GuestNeeds,
    left: GuestNeeds,
    *,
    install_agents: bool = False,
) -> Preparation:
    """The script for what ``inspection`` found; ``needs`` is the target's, ``left`` the source's.

    No word of the guest is ever more than a word in it.
    """
    told = inspection.evidence.os_family or machine.os_family
    system = "windows" if told == "windows" else "linux"
    language = POWERSHELL if system == "windows" else SHELL
    remedies = tuple(
        _remedy(Case(finding, machine, inspection, needs, left, install_agents), language)
        for finding in inspection.findings
    )
    return Preparation(system, _script(machine, remedies, language), remedies)


def _remedy(case: Case, language: Language) -> Remedy:
    mend = language.remedies.get(case.finding.code)
    answer = mend(case) if mend else BY_HAND
    if isinstance(answer, str):
        return Remedy(case.finding, why_not=answer)
    try:
        for step in answer:
            _call(step, language)
    except NotShowable:
        return Remedy(case.finding, why_not=UNREADABLE_NAME)
    return Remedy(case.finding, answer, "" if answer else BY_HAND)


def _script(machine: Machine, remedies: Sequence[Remedy], language: Language) -> str:
    found = dict.fromkeys(step for remedy in remedies for step in remedy.steps)
    steps = sorted(found, key=lambda step: step.piece == LAST)
    pieces = dict.fromkeys(step.piece for step in steps)
    return "".join(
        (
            language.first_line,
            *_comments(machine, remedies),
            "\n",
            _piece("opening", language),
            *(_piece(name, language) for name in pieces),
            language.around[0],
            *(f"{_call(step, language)}\n" for step in steps),
            language.around[1],
            _piece("closing", language),
        )
    )


def _comments(machine: Machine, remedies: Sequence[Remedy]) -> Iterator[str]:
    yield f"# Prepares {plain(machine.name)} ({plain(machine.origin.id)}) for its migration.\n"
    yield "# Run it in the guest as its administrator. A second run changes nothing.\n"
    for title, some in (
        ("What it mends", [remedy for remedy in remedies if remedy.steps]),
        ("What is left to a person", [remedy for remedy in remedies if not remedy.steps]),
    ):
        if some:
            yield f"#\n# {title}:\n"
        for remedy in some:
            finding = remedy.finding
            yield f"#   {finding.code}: {plain(finding.what)}\n"
            if remedy.only_if:
                yield f"#     Only if {remedy.only_if}.\n"
            if not remedy.steps:
                yield f"#     {plain(finding.do or remedy.why_not)}\n"


def _call(step: Step, language: Language) -> str:
    return " ".join((step.function, *(language.quoted(word) for word in step.words)))


def _piece(name: str, language: Language) -> str:
    place = files(__package__) / language.folder / f"{name}{language.ending}"
    return place.read_text("utf-8")
