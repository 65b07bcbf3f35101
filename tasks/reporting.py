"""The end of the story, where a person reads it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from prefect.artifacts import Artifact, acreate_markdown_artifact, acreate_table_artifact
from pydantic import TypeAdapter

from coldferry.downtime import ENDLESS, Downtime
from coldferry.errors import Finding
from coldferry.foretelling import Outcome
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, PowerState, VerifiedDisk
from coldferry.report import MovedDevice, Report, Stopwatch
from coldferry.report_file import save
from coldferry.report_page import as_markdown
from tasks.clouds import Cloud
from tasks.describing import Surveyed
from tasks.moving import CopiedDevice
from tasks.steps import step


@step("compare")
def compare(target: Cloud, plan: Plan, vm: str) -> list[Finding]:
    """What of the new machine is not as it was planned."""
    return target.target().compare(plan, vm)


async def publish(report: Report) -> None:
    """Keep the report as JSON and as a page, and show it as the run's artifact."""
    report.save()
    page = as_markdown(report)
    save(report.migration, page)
    await acreate_markdown_artifact(
        page,
        key=_key(report.migration),
        description=f"{report.migration}: {report.state}",
    )
    await publish_figures(report)


async def publish_figures(report: Report) -> None:
    """What was estimated beside what it was, as a table: a wave's report adds them up."""
    rows = [asdict(one) for one in report.outcomes]
    if rows:
        await acreate_table_artifact(
            rows,
            key=_figures_key(report.migration),
            description=f"{report.migration}: as it was estimated, and as it was",
        )


async def last_figures(migration: str) -> list[Outcome]:
    """The newest of a migration that the Prefect server in use keeps; none where it keeps none."""
    found = await Artifact.aget(key=_figures_key(migration))
    if found is None:
        return []
    try:
        told = json.loads(str(found.data))
        return [_READER.validate_python(one) for one in told]
    except (ValueError, TypeError):  # somebody else's artifact
        return []


async def last_page(migration: str) -> str | None:
    """The newest report of a migration that the Prefect server in use keeps, as Markdown."""
    found = await Artifact.aget(key=_key(migration))
    return None if found is None else str(found.data)


def _key(migration: str) -> str:
    return f"report-{migration}"


def _figures_key(migration: str) -> str:
    return f"figures-{migration}"


_READER = TypeAdapter(Outcome)


def downtime(found: Surveyed, migration: str, timed: Stopwatch) -> Downtime:
    """How long the source has been off, as this run knows it."""
    if found.machine.stoppable is False:
        return Downtime.ended_now(None, "None: the source cannot be stopped.")
    if found.marks and found.marks.migration == migration and found.marks.power_before:
        return Downtime.ended_now(None, f"Since an earlier run halted the source. {ENDLESS}")
    if found.power is PowerState.STOPPED:
        return Downtime.ended_now(None, "None of this migration's: the source was off before.")
    return Downtime.ended_now(timed.began.get("halt"))


def moved(
    frozen: Sequence[FrozenDisk],
    copies: Mapping[str, CopiedDevice],
    proven: Mapping[str, VerifiedDisk],
) -> list[MovedDevice]:
    """The report's rows, one a device, in the plan's order; both are by the device's name."""
    return [
        MovedDevice(
            source=disk.device.disk.id,
            target=disk.ref,
            size_bytes=disk.device.disk.size_bytes,
            data_bytes=copied.data_bytes,
            sent_bytes=copied.sent_bytes,
            manifest_root=disk.manifest_root,
            proof=disk.proof,
            read_bytes=copied.read_bytes,
            early_sent_bytes=copied.early_sent_bytes,
            early_read_bytes=copied.early_read_bytes,
        )
        for copied, disk in ((copies[d.device.name], proven[d.device.name]) for d in frozen)
    ]
