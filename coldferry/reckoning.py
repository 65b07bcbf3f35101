"""A migration's estimate, from what its two clouds say of themselves."""

import time
from collections.abc import Sequence
from contextlib import suppress
from math import ceil

from coldferry.abilities import (
    Differing,
    Recalling,
    SourceReckoner,
    StillOnly,
    TargetReckoner,
)
from coldferry.contents import DiskContent, Traffic
from coldferry.copying import data_extents
from coldferry.disk import Limits
from coldferry.errors import ProviderError
from coldferry.estimating import (
    WORTH_S,
    Charge,
    Estimate,
    Share,
    Terms,
    contents_or_whole,
    copied_early,
    estimate,
)
from coldferry.plan import Device, Plan
from coldferry.ports import Machines
from coldferry.traffic import End, measured, until, whole

RECALLED_WITHIN_S = 20.0
"""A plan is waited for."""

_ANY = End(Limits(block_size_bytes=4096, max_request_bytes=4 << 20, max_in_flight=8))
"""A cloud that does not say how its disks are read or written."""


def ends_of(origin: Machines, goal: Machines) -> tuple[End, End]:
    """How disks are read at the one and written at the other."""
    source = origin.end if isinstance(origin, SourceReckoner) else _ANY
    target = goal.end if isinstance(goal, TargetReckoner) else _ANY
    return source, target


def recalled(
    origin: Machines, devices: Sequence[Device], ends: tuple[End, End]
) -> tuple[DiskContent, ...]:
    """What earlier states of the disks held, where the source knows of any; nothing is frozen.

    A provider that refuses to tell leaves a disk's content unknown, and so does one that is slow.
    """
    if not isinstance(origin, Recalling):
        return ()
    found = list[DiskContent]()
    deadline_s = time.monotonic() + RECALLED_WITHIN_S
    with suppress(ProviderError):
        for one in origin.latest(devices):
            with one.reader as reader, suppress(TimeoutError):
                spans = until(deadline_s, data_extents(reader))
                content = measured(one.device.name, reader.size_bytes, spans, *ends)
                found.append(content.model_copy(update={"as_of": one.as_of}))
    return tuple(found)


def reckon(
    origin: Machines, goal: Machines, plan: Plan, known: Sequence[DiskContent], terms: Terms
) -> Estimate:
    """What carrying out ``plan`` would take; pure.

    A device that is not among the ``known`` contents counts with its whole size. A machine that
    runs is copied before its halt where its copy takes longer than :data:`WORTH_S`.
    """
    ends = ends_of(origin, goal)
    wholes = [whole(one.name, one.disk.size_bytes, *ends) for one in plan.devices]
    contents = contents_or_whole(known, wholes)
    found = _estimate(origin, goal, plan, contents, terms)
    if not terms.runs or plan.machine.stoppable is False:
        return found
    if isinstance(origin, StillOnly) and origin.freezes_stopped_only:
        return found
    if found.copy_s <= WORTH_S:
        return found
    told, changed = isinstance(origin, Differing), _changed(terms)
    again = [_again(one, told=told, changed=changed) for one in contents]
    both = [
        _with(one, one.traffic + more.traffic) for one, more in zip(contents, again, strict=True)
    ]
    later = _estimate(origin, goal, plan, again, terms)
    how = f"as if {changed:.0%} of it changed until then"
    if not told:
        how += "; all is read again after the halt, as the source cannot tell what changed"
    return copied_early(found, later, _estimate(origin, goal, plan, both, terms), terms, how)


def _changed(terms: Terms) -> float:
    """The part of what is copied that changes until the halt; all of it where nobody says."""
    share = terms.rates.each("delta.changed-share")
    return 1.0 if share is None else min(1.0, max(0.0, share))


def _again(content: DiskContent, *, told: bool, changed: float) -> DiskContent:
    """What of a disk is brought after the halt."""
    once = content.traffic
    read = changed if told else 1.0
    return _with(
        content,
        Traffic(
            read_bytes=ceil(once.read_bytes * read),
            reads=ceil(once.reads * read),
            sent_bytes=ceil(once.sent_bytes * changed),
            writes=ceil(once.writes * changed),
        ),
    )


def _with(content: DiskContent, traffic: Traffic) -> DiskContent:
    return content.model_copy(update={"traffic": traffic})


def _estimate(
    origin: Machines, goal: Machines, plan: Plan, contents: Sequence[DiskContent], terms: Terms
) -> Estimate:
    shares = [
        origin.source_share(plan, contents, terms)
        if isinstance(origin, SourceReckoner)
        else _untold(origin),
        goal.target_share(plan, contents, terms)
        if isinstance(goal, TargetReckoner)
        else _untold(goal),
    ]
    return estimate(contents, shares, terms)


def _untold(cloud: Machines) -> Share:
    """A cloud that cannot say what it takes: not known, which is not nothing."""
    item = f"{cloud.provider}.everything"
    what = f"what {cloud.provider} takes"
    return Share(
        charges=(
            Charge(what=what, item=item, place="", quantity=1),
            Charge(what=what, item=item, place="", quantity=1, period="a month"),
        )
    )
