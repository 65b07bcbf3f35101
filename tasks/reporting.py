"""The end of the story, where a person reads it."""

from collections.abc import Mapping, Sequence

from prefect.artifacts import acreate_markdown_artifact

from coldferry.errors import Finding
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, VerifiedDisk
from coldferry.report import MovedDevice, Report
from tasks.clouds import Cloud
from tasks.moving import CopiedDevice
from tasks.steps import step


@step("compare")
def compare(target: Cloud, plan: Plan, vm: str) -> list[Finding]:
    """What of the new machine is not as it was planned."""
    return target.target().compare(plan, vm)


async def publish(report: Report) -> None:
    """Keep the report as JSON, and show it as the run's artifact."""
    report.save()
    await acreate_markdown_artifact(
        report.as_markdown(),
        key=f"report-{report.migration}",
        description=f"{report.migration}: {report.state}",
    )


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
        )
        for copied, disk in ((copies[d.device.name], proven[d.device.name]) for d in frozen)
    ]
