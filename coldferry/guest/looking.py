"""From disks to evidence and findings: the whole look, in the order in which it is made.

Cheap and certain things come first, and are handed over at once: whatever
ends this process later takes only the rest with it.
"""

from collections.abc import Callable, Iterator, Sequence

from coldferry.errors import Finding
from coldferry.guest.checks import CHECKS
from coldferry.guest.evidence import MOST_FINDINGS, MOST_VOLUMES, Evidence, Inspection
from coldferry.guest.firmware import Bootable, bootable
from coldferry.guest.guest import Guest
from coldferry.guest.places import DiskFound, Place, Trouble, find_places, in_words
from coldferry.guest.question import Question
from coldferry.guest.steps import Steps
from coldferry.guest.systems import find_system
from coldferry.guest.systems.system import System
from coldferry.guest.window import Bytes

Tell = Callable[[Inspection], None]

UNREADABLE = "unreadable-filesystem"


def look(question: Question, disks: Sequence[Bytes], steps: Steps, tell: Tell) -> None:
    """Look at the disks and ``tell`` what was found, whole, each time that there is more of it."""
    found, logical = find_places(disks, steps)
    places = [*(place for disk in found for place in disk.places), *logical]
    boots, system, troubles = _system(question, found, places, steps)
    guest = Guest(
        disks=found,
        places=places,
        system=system,
        boots=boots,
        evidence=_evidence(question, found, places, boots, system),
        machine=question.machine,
        needs=question.needs,
        left=question.left,
        halted=question.halted,
        root_disk=question.root_disk,
        steps=steps,
        troubles=troubles,
    )
    findings: list[Finding] = []
    tell(_inspection(guest, findings))
    for code, check in CHECKS.items():
        try:
            with steps.step(code):
                findings += check(guest)
        except Exception as error:  # noqa: BLE001 - hostile bytes break parsers in any way
            guest.troubles.append(Trouble(code, in_words(error)))
        tell(_inspection(guest, findings))


def _system(
    question: Question, found: list[DiskFound], places: list[Place], steps: Steps
) -> tuple[Bootable, System | None, list[Trouble]]:
    """What boots and what it boots; a trouble with one of them leaves the other."""
    boots, system, troubles = Bootable(), None, []
    root = question.root_disk
    if root is None:
        return boots, None, []
    try:
        boots = bootable(found[root], steps)
    except Exception as error:  # noqa: BLE001 - hostile bytes break parsers in any way
        troubles.append(Trouble(f"disk{root}", in_words(error)))
    try:
        system = find_system(root, places, steps)
    except Exception as error:  # noqa: BLE001 - hostile bytes break parsers in any way
        troubles.append(Trouble(f"disk{root}", in_words(error)))
    return boots, system, troubles


def _evidence(
    question: Question,
    found: list[DiskFound],
    places: list[Place],
    boots: Bootable,
    system: System | None,
) -> Evidence:
    root = question.root_disk
    return Evidence(
        firmwares=boots.firmwares,
        partition_table=None if root is None else found[root].table.kind,
        architecture=(system.architecture if system else None) or boots.architecture,
        os_family=system.family if system else None,
        os_name=system.name if system else "",
        hostname=system.hostname if system else "",
        volumes=tuple(place.volume for place in places[:MOST_VOLUMES]),
        mounts=system.mounts if system else (),
    )


def _inspection(guest: Guest, findings: Sequence[Finding]) -> Inspection:
    every = [*findings, *_unreadable(guest)]
    return Inspection(evidence=guest.evidence, findings=tuple(every[:MOST_FINDINGS]))


def _unreadable(guest: Guest) -> Iterator[Finding]:
    """What could not be looked at, and why."""
    seen: set[str] = set()
    for subject, what in _troubles(guest):
        if subject not in seen:
            seen.add(subject)
            yield Finding(
                "inform",
                UNREADABLE,
                subject,
                f"{subject} could not be read whole: {what}.",
                "What is on it is copied all the same; look there by hand for what this plan "
                "could not see.",
            )


def _troubles(guest: Guest) -> Iterator[tuple[str, str]]:
    for disk in guest.disks:
        if disk.table.trouble:
            trouble = disk.table.trouble
            yield f"disk{disk.number}", trouble[:1].lower() + trouble[1:].rstrip(".")
    for place in guest.places:
        if place.trouble:
            yield place.name, place.trouble
        elif _is_closed(guest, place):
            yield place.name, place.form.closed if place.form else ""
    if guest.system is not None:
        if guest.system.trouble:
            yield guest.system.trouble.subject, guest.system.trouble.what
        for path in guest.system.files.damaged:
            yield path, "it is damaged"
    for one in guest.troubles:
        yield one.subject, one.what


def _is_closed(guest: Guest, place: Place) -> bool:
    """It holds files that nobody here can read, and it is where the system should be."""
    return bool(place.form and place.form.closed) and guest.on_root_disk(place)
