"""Frozen disks to proven ones: copied in parallel, sealed, read back, and copied again once."""

import asyncio
from collections.abc import Sequence

from coldferry.errors import Finding
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, VerifiedDisk
from coldferry.report import Stopwatch
from flows.copy_device import copy_device
from tasks.clouds import Cloud
from tasks.go_ahead import GoAhead
from tasks.limiting import heeded
from tasks.moving import (
    CopiedDevice,
    commit,
    copied_again,
    copy,
    each,
    freeze_early,
    own,
    prove,
    read_again,
    together,
)
from tasks.progressing import shown


async def bring_early(
    source: Cloud, vm: str, target: Cloud, plan: Plan, timed: Stopwatch, go_ahead: GoAhead
) -> None:
    """Copy the disks of the running machine; the target's stay open for what changes meanwhile.

    Raises Undone and Refused once the ``go_ahead`` is taken away: what was copied by then stays.

    No subflows: a run that is retried takes theirs over by their place, and those of after the
    halt are in other places then.
    """

    async def one(disk: FrozenDisk) -> CopiedDevice:
        async with shown(plan.migration, disk.device.name, under=disk.migration):
            return await asyncio.to_thread(copy, source, target, plan, disk, go_ahead)

    async with heeded():
        with timed("freeze early"):
            frozen = freeze_early(source, vm, plan)
        await asyncio.to_thread(go_ahead.confirm)  # a snapshot of a large disk takes hours, too
        go_ahead.check()
        with timed("copy early"):
            async with go_ahead.watched():
                own(await together(one(disk) for disk in frozen), frozen)


async def bring_proven(
    source: Cloud, target: Cloud, plan: Plan, frozen: Sequence[FrozenDisk], timed: Stopwatch
) -> tuple[dict[str, CopiedDevice], dict[str, VerifiedDisk], list[Finding]]:
    """What became of each disk, by its device's name, and a remark on each that came altered."""
    async with heeded():
        copies, proven = await bring(source, target, plan, frozen, timed)
        altered = [disk for disk in frozen if disk.device.name not in proven]
        if altered:
            again = await bring(source, target, plan, altered, timed, last=True)
            copies, proven = copies | again[0], proven | again[1]
    remarks = [read_again(disk) for disk in frozen if copies[disk.device.name].compared]
    return copies, proven, remarks + [copied_again(disk) for disk in altered]


async def bring(
    source: Cloud,
    target: Cloud,
    plan: Plan,
    disks: Sequence[FrozenDisk],
    timed: Stopwatch,
    *,
    last: bool = False,
) -> tuple[dict[str, CopiedDevice], dict[str, VerifiedDisk]]:
    """Copy disks, seal them and read them back; what became of each, by its device's name.

    A disk that arrived altered is missing among the proven ones and is no
    more, unless this is its ``last`` try: then the error is raised.
    """
    with timed("copy"):
        copies = await together(copy_device(source, target, plan, disk) for disk in disks)
        own(copies, disks)
    with timed("commit"):
        refs = await each(commit, ((target, plan, disk) for disk in disks))
    with timed("read back"):
        pairs = zip(disks, refs, strict=True)
        proven = await each(prove, ((target, plan, disk, ref, last) for disk, ref in pairs))
    return (
        {copied.device: copied for copied in copies},
        {disk.device.name: disk for disk in proven if disk is not None},
    )
