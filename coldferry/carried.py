"""What every cloud carries as it is or makes anew: the same rules at each target."""

from typing import Any

from coldferry.dialect import Decide, Dialect
from coldferry.machine import UNKNOWN
from coldferry.placement import OF_DISKS
from coldferry.placement_rules import PLACED_DISK, new_disk, placed_disk
from coldferry.rules import Outcome, Question, Rule
from coldferry.verdicts import BLOCK, dropped, equivalent, exact, impossible, lost

Q = Question[Any]


def as_it_is(reason: str) -> Decide:
    """Exact, for this reason."""
    return lambda question: exact(reason, question.value)


def made_anew(reason: str) -> Decide:
    """A new object with an id of its own."""
    return lambda _question: equivalent(reason, None, "It has another id.")


def covered(by: str) -> Decide:
    """A detail of something that a person acknowledges as a whole."""
    return lambda _question: dropped(f"Covered by the acknowledgement of {by}.")


def nothing(question: Q) -> Outcome:
    """A part that is not there, or whose leaves have rules of their own."""
    return exact("There is nothing to carry.", question.value)


def _stoppable(question: Q) -> Outcome:
    if question.value is False:
        return lost(
            "The source cannot be stopped, only terminated: its root is not persistent.",
            "Its disks are frozen together while it runs. Stop what writes to them first.",
            target=True,
        )
    return exact("It is stopped before its disks are frozen.", question.value)


def _shared(question: Q) -> Outcome:
    if not question.value:
        return exact("Used by one machine.", target=False)
    return impossible(
        "A disk that several machines write to has no still moment.",
        "Detach it from all machines but one, or move its data by other means.",
        consequence=BLOCK,
    )


def _forwards(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return equivalent(
            "The source could not tell.", target=False, difference="Forwards no packets of others."
        )
    return exact("Set on the interface.", question.value)


def carried(words: Dialect) -> dict[str, Rule[Any]]:
    """Rows for identity, order and all that lies on the disk."""
    rule = words.rule
    origin = rule(
        "origin", as_it_is(f"Recorded in a tag of the new {words.vm}."),
        says=f"Where the machine came from is recorded in a tag of the new {words.vm}.",
        may=("exact",),
    )  # fmt: skip
    return {
        "schema_version": rule(
            "schema", as_it_is("The description's own version."),
            says="The version of the description says nothing of the machine.", may=("exact",),
        ),
        "origin.provider": origin,
        "origin.scope": origin,
        "origin.id": origin,
        "hostname": rule(
            "hostname", as_it_is("It is set inside the guest; the disk carries it."),
            says="The hostname is set inside the guest and travels on its disk.",
            may=("exact",), about="hostname",
        ),
        "stoppable": rule(
            "stoppable", _stoppable,
            says="A machine that can only be terminated is frozen while it runs, once a person "
            "acknowledged it.",
            may=("exact", "dropped, acknowledge"),
        ),
        "nics[].id": rule(
            "nic.id", made_anew("A new interface is made."),
            says="A new interface is made; it has another id.", may=("equivalent",),
            about="interfaces",
        ),
        "nics[].device_index": rule(
            "nic.order", as_it_is("The interfaces keep their order."),
            says="Interfaces keep their order.", may=("exact",), about="interfaces",
        ),
        "nics[].primary": rule(
            "nic.primary", as_it_is(f"Set on the {words.vm}."),
            says="The primary interface stays the primary one.", may=("exact",),
            about="interfaces",
        ),
        "nics[].forwards_packets": rule(
            "nic.forwarding", _forwards,
            says="Forwarding of packets is set as at the source; off where the source could not "
            "tell.",
            may=("exact", "equivalent"), about="forwarding",
        ),
        "disks[].id": rule(
            "disk.id", new_disk, placed_disk, words=OF_DISKS,
            says="A new disk is made; it has another id. One that is dropped instead is left "
            "behind, with all of its fields; that must be acknowledged.",
            may=PLACED_DISK, about="disks",
        ),
        "disks[].root": rule(
            "disk.root", as_it_is("The root disk stays the root disk."),
            says="The root disk stays the root disk.", may=("exact",), about="disks",
        ),
        "disks[].shared": rule(
            "disk.shared", _shared,
            says="A disk that other machines may write to blocks the migration.",
            may=("exact", "impossible, block"), about="shared disks",
        ),
    }  # fmt: skip
