"""What is known of a failed run with one machine: both clouds are asked once, and patiently."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from prefect.client.schemas.objects import FlowRun

from coldferry.auditing import Entry, Seen
from coldferry.due import window_end
from coldferry.errors import ColdferryError
from coldferry.failing import Failure
from coldferry.migration import Marks, frozen_words, slug
from coldferry.ports import PowerState, is_source
from tasks.auditing import see, weigh
from tasks.clouds import SLUG, Cloud

PATIENCE_S = 60.0
"""A cloud that does not answer must not keep a failure from being told."""

FLOWS = {
    "migrate-vm": "migrate",
    "cutover": "cutover",
    "rollback": "rollback",
    "abort": "abort",
    "finalise": "finalise",
}
"""Flows with one machine, and what each does to it."""


@dataclass(frozen=True)
class MachineFailure(Failure):
    """With the artifact's key."""

    @property
    def key(self) -> str:
        """``failure-`` and the migration: versions of one artifact, whatever failed of it."""
        return f"failure-{self.migration or slug(self.vm)}"


async def failure_of(
    run: FlowRun,
    verb: str,
    migration: str,
    vm: str,
    ends: tuple[Cloud, Cloud],
    error: ColdferryError,
    step: str,
) -> MachineFailure:
    """Ask both clouds, and put it together."""
    known = _Known()
    try:
        async with asyncio.timeout(PATIENCE_S):
            known = await asyncio.to_thread(_ask, verb, migration, vm, *ends)
    except TimeoutError:
        known = _Known(unasked=(f"No answer came in {PATIENCE_S:.0f} s.",))
    return MachineFailure(
        run=str(run.id),
        migration=migration,
        source=name_of(ends[0]),
        vm=vm,
        target=name_of(ends[1]),
        what=error.what,
        do=error.do,
        step=step,
        resumable=error.resumable or error.exit_code == ColdferryError.exit_code,
        now=datetime.now(UTC),
        power=known.power,
        marks=known.marks,
        exists=known.exists,
        unasked=known.unasked,
        abort_at=window_end(run.tags),
        verb=verb,
        target_power=known.target_power,
        given=run.parameters,
    )


async def ends_of(run: FlowRun) -> tuple[Cloud, Cloud] | None:
    """The two clouds that a run was given; None where they can no longer be read."""
    source, target = await _block(run, "source"), await _block(run, "target")
    return None if source is None or target is None else (source, target)


def name_of(cloud: Cloud) -> str:
    """As commands take it."""
    return f"{SLUG}/{cloud._block_document_name}"  # noqa: SLF001 - Prefect has no other word for it


@dataclass(frozen=True)
class _Known:
    power: PowerState | None = None
    marks: Marks | None = None
    target_power: PowerState | None = None
    exists: tuple[Entry, ...] = ()
    unasked: tuple[str, ...] = ()


def _ask(verb: str, migration: str, vm: str, source: Cloud, target: Cloud) -> _Known:
    power, marks, target_power = None, None, None
    unasked, seen = list[str](), list[Seen]()
    try:
        there = source.machines()
        power = there.power(vm) if vm else None
        marks = there.marks(vm) if vm and is_source(there) else None
    except ColdferryError as error:
        unasked.append(f"{name_of(source)}: {error}")
    if verb != "migrate":
        try:
            arrived = target.target().arrived(migration)
            target_power = arrived.power if arrived else None
        except ColdferryError as error:
            unasked.append(f"{name_of(target)}: {error}")
    for cloud in (source, target):
        try:
            seen.append(see(name_of(cloud), cloud))
        except ColdferryError as error:
            unasked.append(f"{name_of(cloud)}: {error}")
    found = weigh(seen).entries if migration else []
    words = frozen_words(migration)
    return _Known(
        power=power,
        marks=marks if marks is not None and marks.migration == migration else None,
        target_power=target_power,
        exists=tuple(one for one in found if one.thing.migration in words),
        unasked=tuple(dict.fromkeys(unasked)),
    )


async def _block(run: FlowRun, name: str) -> Cloud | None:
    said = cast("Mapping[str, Any]", run.parameters).get(name)
    reference = said.get("$ref") if isinstance(said, Mapping) else None
    if not isinstance(reference, Mapping):
        return None
    try:
        return cast("Cloud", await Cloud.aload_from_ref(dict(reference)))
    except (ValueError, RuntimeError):  # Prefect's words for no such document, and for a faulty one
        return None
