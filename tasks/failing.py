"""Telling of a failed run what a person needs first, as its artifact."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from prefect import Flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_run_logger

from coldferry.auditing import Entry, Seen
from coldferry.due import ABORT_AT_TAG
from coldferry.errors import ColdferryError, Ended
from coldferry.failing import Failure
from coldferry.inspecting import inspection_of
from coldferry.migration import Marks, slug
from coldferry.plain import plain
from coldferry.ports import PowerState, is_source
from coldferry.progress import unwatch_steps, watch_steps
from tasks.auditing import see, weigh
from tasks.clouds import SLUG, Cloud
from tasks.reaping import migration_of

_PATIENCE_S = 60.0
"""A cloud that does not answer must not keep a failure from being told."""

_told: set[tuple[str, int]] = set()
"""Runs of this process that were told of, with the number of the try."""


@asynccontextmanager
async def failures_told(
    migration: str, source: Cloud, vm: str, target: Cloud
) -> AsyncIterator[None]:
    """Publish what a person needs first when what is inside fails; the failure goes on."""
    steps: list[str] = []
    watch_steps(steps.append)
    try:
        yield
    except Ended:
        raise  # a person's own decision
    except ColdferryError as error:
        try:
            async with get_client() as client:
                run = await client.read_flow_run(UUID(runtime.flow_run.id))
            await publish(run, migration, source, vm, target, error, steps[-1] if steps else "")
        except Exception as trouble:  # noqa: BLE001 - telling must never hide what happened
            get_run_logger().warning(f"The failure could not be told: {type(trouble).__name__}.")
        raise
    finally:
        unwatch_steps(steps.append)


async def tell_of_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook for failed and crashed runs: tells what nobody told yet.

    A worker calls it with these very keywords, in its own process, for a run
    whose process died.
    """
    del flow
    async with get_client() as client:
        run = await client.read_flow_run(flow_run.id)
    if run.deployment_id is None or (str(run.id), run.run_count) in _told:
        return  # a command says itself what it ended with
    await tell(run, _error(state))


async def tell_of_death(runs: Sequence[FlowRun]) -> None:
    """The same for runs that were found dead: no hook ran for them."""
    for run in runs:
        if run.parent_task_run_id is None or run.deployment_id is not None:  # no disk's own
            await tell(run, ColdferryError("Its worker and its process died.", resumable=True))


async def tell(run: FlowRun, error: ColdferryError) -> None:
    """Publish it for a run of ``migrate-vm``, from its parameters and tags alone."""
    source, target = await _block(run, "source"), await _block(run, "target")
    if source is None or target is None or "migration" in run.parameters:
        return  # what goes by a migration's id carries none out
    vm = str(run.parameters.get("vm", ""))
    await publish(run, migration_of(run), source, vm, target, error, "")


async def publish(
    run: FlowRun,
    migration: str,
    source: Cloud,
    vm: str,
    target: Cloud,
    error: ColdferryError,
    step: str,
) -> None:
    """Ask both clouds once, and write the artifact to the run that failed."""
    _told.add((str(run.id), run.run_count))
    power, marks, exists, unasked = None, None, list[Entry](), list[str]()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            power, marks, exists, unasked = await asyncio.to_thread(
                _ask, migration, source, vm, target
            )
    except TimeoutError:
        unasked = [f"No answer came in {_PATIENCE_S:.0f} s."]
    failure = Failure(
        run=str(run.id),
        migration=migration,
        source=_name(source),
        vm=vm,
        target=_name(target),
        what=error.what,
        do=error.do,
        step=step,
        resumable=error.resumable or error.exit_code == ColdferryError.exit_code,
        now=datetime.now(UTC),
        power=power,
        marks=marks,
        exists=exists,
        unasked=unasked,
        abort_at=abort_at(run),
    )
    artifact = ArtifactCreate(
        key=f"failure-{migration or slug(vm)}",
        type="markdown",
        data=failure.as_markdown(),
        description=plain(failure.summary),
        flow_run_id=run.id,
    )
    async with get_client() as client:
        await client.create_artifact(artifact)


def abort_at(run: FlowRun) -> datetime | None:
    """The end of the run's window, where a tag of it says one."""
    for tag in run.tags:
        if tag.startswith(ABORT_AT_TAG):
            with suppress(ValueError):
                said = datetime.fromisoformat(tag.removeprefix(ABORT_AT_TAG))
                return said if said.tzinfo else None
    return None


def _ask(
    migration: str, source: Cloud, vm: str, target: Cloud
) -> tuple[PowerState | None, Marks | None, list[Entry], list[str]]:
    power, marks, unasked, seen = None, None, list[str](), list[Seen]()
    try:
        there = source.machines()
        power = there.power(vm)
        marks = there.marks(vm) if is_source(there) else None
    except ColdferryError as error:
        unasked.append(f"{_name(source)}: {error}")
    for cloud in (source, target):
        try:
            seen.append(see(_name(cloud), cloud))
        except ColdferryError as error:
            unasked.append(f"{_name(cloud)}: {error}")
    found = weigh(seen).entries if migration else []
    words = (migration, inspection_of(migration))
    mine = [one for one in found if one.thing.migration in words]
    own = marks if marks is not None and marks.migration == migration else None
    return power, own, mine, list(dict.fromkeys(unasked))


def _error(state: State[Any]) -> ColdferryError:
    """What a state failed with, in our words."""
    if state.is_failed():
        found: Any = None
        with suppress(Exception):  # a result that cannot be read is none
            found = state.result(raise_on_failure=False)
        if isinstance(found, ColdferryError):
            return found
    message = plain(state.message or "", 1000)
    crashed = "Its process died." if state.is_crashed() else "It ended with a defect of ours."
    return ColdferryError(f"{crashed} {message}".strip(), resumable=True)


async def _block(run: FlowRun, name: str) -> Cloud | None:
    said = cast("Mapping[str, Any]", run.parameters).get(name)
    reference = said.get("$ref") if isinstance(said, Mapping) else None
    if not isinstance(reference, Mapping):
        return None
    try:
        return cast("Cloud", await Cloud.aload_from_ref(dict(reference)))
    except (ValueError, RuntimeError):  # Prefect's words for no such document, and for a faulty one
        return None


def _name(cloud: Cloud) -> str:
    return f"{SLUG}/{cloud._block_document_name}"  # noqa: SLF001 - Prefect has no other word for it
