"""What is asked before production changes hands, before the way back is taken or given up."""

from collections.abc import Sequence

from coldferry.cutover import NO_GROUP, Ready, groups_of
from coldferry.errors import Finding, Rejected
from coldferry.finalising import Holding
from coldferry.plain import counted
from tasks.choosing import Choice, Chosen, Question, choose, given_with_the_run
from tasks.undoing import DISCARD, STOP, TargetWrites, Way

GO, NO_GO = "go", "no-go"
REMOVE, KEEP = "remove", "keep"


def go_or_not(ready: Ready, said: Sequence[str], *, go: bool) -> tuple[list[str], Chosen]:
    """The groups by name, one for each interface or one for all, and who said go.

    No groups when a cutover is gone on with that has put them on. Raises
    Rejected on a no-go, Refused where nobody can be asked, BadInput for groups
    that do not fit.
    """
    if said:
        groups_of(ready.arrived, said)
    if ready.begun:
        return list(said), given_with_the_run()
    if go:
        groups_of(ready.arrived, said)  # what is not said is refused, with the question
        return list(said), given_with_the_run()
    options = (*ready.arrived.offered, NO_GROUP)
    asked = {
        f"group_{index}": Choice(
            f"Security group of {name}",
            f"What {name} is behind from the cutover on. '{NO_GROUP}' leaves it to the subnet.",
            options,
        )
        for index, name in enumerate(ready.arrived.interfaces)
        if not said
    }
    chosen = choose(Question(
        subject=f"cutover {ready.migration}",
        title=f"Is {ready.migration} cut over?",
        choices={
            GO: "start the new machine behind its security groups; the source stays halted",
            NO_GO: "end this run; nothing is changed",
        },
        told=(f"The new machine is {ready.arrived.vm}.", *_told(ready.remarks)),
        fields=asked,
        otherwise="Give --yes with the security groups, or run the deployment 'cutover'.",
    ))  # fmt: skip
    return list(said) or [chosen.fields[name] for name in asked], chosen


def finalise_or_not(holding: Holding, *, go: bool) -> Chosen:
    """Who said that the way back is given up. Raises Rejected, or Refused where nobody is asked."""
    if go:
        return given_with_the_run()
    number = len(holding.everything)
    return choose(Question(
        subject=f"finalise {holding.migration}",
        title=f"Is {holding.migration} finalised? {counted(number, 'object')} will be erased.",
        choices={
            GO: "erase them; there is no way back after that",
            NO_GO: "end this run; nothing is changed",
        },
        told=(holding.sentence, *_told(holding.remarks)),
        otherwise="Give --yes, or run the deployment 'finalise'.",
    ))  # fmt: skip


def remove_or_not(holding: Holding, vm: str, said: str) -> Chosen | None:
    """Who said that the source machine is removed; None when it is not to be.

    ``said`` is its id, given again with the run. Raises Rejected, or Refused where nobody
    can be asked.
    """
    if not holding.leaving:
        return None
    if said:
        return given_with_the_run()
    gone = [f"{one.kind} {one.id}" for one in holding.leaving]
    return choose(Question(
        subject=f"remove {vm} after {holding.migration}",
        title=f"Is the source machine {vm} removed, with its disks?",
        choices={
            REMOVE: "terminate it and delete its disks; nothing brings them back",
            KEEP: "end this run; nothing is changed",
        },
        told=(f"What goes: {', '.join(gone)}.", *_told(holding.remarks)),
        fields={"machine": Choice("The machine that is removed", "Choose its id.", (vm,))},
        otherwise="Give its id again with --machine, or run the deployment 'finalise'.",
    ))  # fmt: skip


def discard_or_stop(migration: str, way: Way, said: TargetWrites) -> Chosen | None:
    """Who said that the target's writes are discarded; None when there are none to speak of.

    Raises Rejected for ``stop``, Refused with the question where nobody can be asked.
    """
    if said == STOP:
        raise Rejected(f"The way back from {migration} was stopped.", "Nothing was changed.")
    if said == DISCARD or not way.keep:
        return given_with_the_run() if said else None
    return choose(Question(
        subject=f"rollback {migration}",
        title=f"What becomes of what the new machine of {migration} wrote?",
        choices={
            DISCARD: "stop it, keep a copy of each of its disks, start the source, remove it",
            STOP: "end this run; nothing is changed",
        },
        told=_told((*way.used, *way.beside)),
        otherwise="Give --target-writes discard to keep a copy of its disks at the target and go "
        "back to the source's, or --target-writes stop.",
    ))  # fmt: skip


def _told(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(f"{one.what} {one.do}".strip() for one in findings)
