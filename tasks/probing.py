"""How far away file systems are, measured near the target where a worker stands there."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from coldferry.errors import ColdferryError, Finding, PreflightFailed, Unreachable
from coldferry.guest.evidence import NO_EVIDENCE, Inspection
from coldferry.latency import DEADLINE_S, TRIES, Latency, Spread, meaning, measure
from coldferry.migration import slug
from coldferry.mounting import asks_nfs, port_seen
from coldferry.placement import Placement
from coldferry.plan import Share
from coldferry.report import Stopwatch
from tasks.steps import step

DEPLOYMENT = "probe/probe"
"""Where it is deployed decides where it is measured from: on a work pool near the target."""

_TAKEN_WITHIN_S = 120.0
"""For a worker to take it, beside what measuring takes: a container may have to be started."""


@step("probe", early=True)
def probe_from_here(
    address: str,
    port: int,
    tries: int = TRIES,
    deadline_s: float = DEADLINE_S,
    asks: bool = True,
) -> Latency:
    """Measure from where this runs."""
    return measure(address, port, tries=tries, deadline_s=deadline_s, asks=asks)


async def publish_latency(told: Latency | ColdferryError, address: str, port: int) -> None:
    """Show it as the run's artifact; whoever started the run elsewhere reads it there."""
    await acreate_table_artifact(
        [_row(told)], key=f"probe-{slug(address)}", description=f"{slug(address)} port {port}"
    )


async def probe_remote(
    shares: Sequence[Share],
    seen: Inspection | None,
    most_ms: float,
    known: Mapping[str, Latency],
    timed: Stopwatch,
) -> dict[str, Latency]:
    """What each remote file system's latency is, by its id; those in ``known`` are not asked again.

    Raises PreflightFailed naming each that does not answer, or is farther away than ``most_ms``.
    """
    found, faults = dict(known), list[Finding]()
    unknown = [
        s for s in shares if s.placement == Placement.REMOTE and s.filesystem.id not in found
    ]
    for share in unknown:
        one = share.filesystem.id
        with timed("probe"):
            try:
                found[one] = await _latency(share, seen)
            except ColdferryError as error:
                faults.append(
                    Finding("refuse", "not-reached", one, f"{one}: {error.what}", error.do)
                )
            else:
                faults += _too_far(one, found[one], most_ms)
    if faults:
        raise PreflightFailed.because(faults)
    return found


def remarks_on(latencies: Mapping[str, Latency]) -> list[Finding]:
    """What was measured, for whoever decides."""
    return [
        Finding("inform", "latency", one, f"{one}: {found.words}. {meaning(found.ms)}.")
        for one, found in latencies.items()
    ]


async def _latency(share: Share, seen: Inspection | None) -> Latency:
    """By the deployment, where there is one; else from here."""
    evidence = seen.evidence if seen is not None else NO_EVIDENCE
    port, asks = port_seen(share, evidence), asks_nfs(share, evidence)
    async with get_client() as client:
        try:
            await client.read_deployment_by_name(DEPLOYMENT)
        except ObjectNotFound:
            return probe_from_here(share.address, port, asks=asks)
    asked = {"address": share.address, "port": port, "asks": asks}
    run: FlowRun = await arun_deployment(
        DEPLOYMENT, parameters=asked, timeout=_TAKEN_WITHIN_S + DEADLINE_S, poll_interval=1,
        as_subflow=False,
    )  # fmt: skip
    if run.state is None or not run.state.is_final():
        await _give_up(run)
        raise Unreachable(
            f"No worker measured it within {_TAKEN_WITHIN_S + DEADLINE_S:g} s: the deployment "
            f"'{DEPLOYMENT}' was not run.",
            "Start a worker of its work pool near the target, with room for one run more.",
        )
    return await _told_by(run)


async def _told_by(run: FlowRun) -> Latency:
    async with get_client() as client:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        rows = await client.read_artifacts(artifact_filter=wanted)
    if not rows:
        raise Unreachable(
            "The probe near the target ended without a word.", "Look at its run in the Prefect UI."
        )
    (row,) = json.loads(str(rows[0].data))
    return _latency_of(cast("dict[str, Any]", row))


async def _give_up(run: FlowRun) -> None:
    with suppress(Exception):
        async with get_client() as client:
            await client.set_flow_run_state(run.id, Cancelled(message="Nobody waits any more."))


def _too_far(one: str, found: Latency, most_ms: float) -> list[Finding]:
    if found.ms <= most_ms:
        return []
    return [
        Finding(
            "refuse", "too-far", one,
            f"{one} is too far away to be remote: {found.words}; at most {most_ms:g} ms were "
            f"accepted. {meaning(found.ms)}.",
            "Accept more (max_latency_ms, --max-latency), or place it as nofail or remove.",
        )
    ]  # fmt: skip


def _row(told: Latency | ColdferryError) -> dict[str, Any]:
    if isinstance(told, ColdferryError):
        return {"error": told.what, "do": told.do}
    row: dict[str, Any] = {
        "address": told.address, "port": told.port, "seen_from": told.seen_from,
    }  # fmt: skip
    for name, of in (("connect", told.connect), ("read", told.read)):
        if of is not None:
            row |= {
                f"{name}_median_ms": of.median_ms, f"{name}_p95_ms": of.p95_ms,
                f"{name}_tries": of.tries, f"{name}_answered": of.answered,
            }  # fmt: skip
    return row


def _latency_of(row: dict[str, Any]) -> Latency:
    """Raises Unreachable with the words of the probe that failed."""
    if "error" in row:
        raise Unreachable(str(row["error"]), str(row.get("do", "")))

    def of(name: str) -> Spread:
        return Spread(
            row[f"{name}_median_ms"], row[f"{name}_p95_ms"], row[f"{name}_tries"],
            row[f"{name}_answered"],
        )  # fmt: skip

    read = of("read") if "read_median_ms" in row else None
    return Latency(row["address"], row["port"], of("connect"), read, row["seen_from"])
