"""What a migration takes of AWS as its target: calls, what bounds them, and what is paid for.

Pages: "Pricing for EBS direct APIs" (a block is paid for when it is put, and when it is read
back; a listing by the request), "Quotas for Amazon EBS" (block puts and reads a second for an
account), "Amazon EBS pricing", "Amazon EC2 On-Demand Pricing".
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from coldferry.contents import DiskContent
from coldferry.estimating import Bound, Charge, Share, Terms
from coldferry.plan import Plan
from providers.aws.blocks import IN_FLIGHT
from providers.aws.disks import PAGE_BLOCKS

_GIB = 1 << 30
_HOURS_A_MONTH = 730
_LEAF_BYTES = 512 * 1024

_MANAGE, _MANAGE_DISK, _LIST, _LIST_DISK = 150, 12, 2, 2
"""Calls of the control plane: for a machine, and more for each disk; and looks whether a snapshot
can be read by now, beside the listing of its blocks.

Counted on the double, whose operations end at the first or second look: slow ones take more.
"""


def target_share(plan: Plan, contents: Sequence[DiskContent], terms: Terms, region: str) -> Share:
    """Of a machine that is brought here once, without anything that has to be repeated."""
    writes = sum(one.traffic.writes for one in contents)
    reads = sum(one.traffic.back_reads for one in contents)
    lists = _LIST + sum(_listings(one) for one in contents)
    return Share(
        calls={
            "aws: write": writes,
            "aws: read": reads,
            "aws: list": lists,
            "aws: manage": _MANAGE + _MANAGE_DISK * len(contents),
        },
        bounds=tuple(_bounds(contents, terms)),
        charges=tuple(_charges(plan, contents, terms, region, writes, reads, lists)),
        needs=dict(_needs(plan)),
    )


def _listings(one: DiskContent) -> int:
    """A page for each so many blocks, and looks whether the snapshot can be read yet."""
    blocks = one.allocated_bytes // _LEAF_BYTES
    return blocks // PAGE_BLOCKS + 1 + _LIST_DISK


def _bounds(contents: Sequence[DiskContent], terms: Terms) -> Iterator[Bound]:
    for step, what, amounts in (
        ("copy", "write", [one.traffic.writes for one in contents]),
        ("read back", "read", [one.traffic.back_reads for one in contents]),
    ):
        if quota := terms.rates.each(f"aws.block-{what}s-per-s"):
            yield Bound(step=step, name="EBS request quota", amount=sum(amounts), per_s=quota)
        if latency_s := terms.rates.each(f"aws.block-{what}-s"):
            for one, amount in zip(contents, amounts, strict=True):
                yield Bound(
                    step=step, name="EBS latency", amount=amount, per_s=IN_FLIGHT / latency_s,
                    device=one.device,
                )  # fmt: skip


def _charges(
    plan: Plan, contents: Sequence[DiskContent], terms: Terms, region: str, *calls: int
) -> list[Charge]:
    writes, reads, lists = calls
    back_gib = sum(one.traffic.back_bytes for one in contents) / _GIB
    stored_gib = sum(one.traffic.sent_bytes for one in contents) / _GIB
    kind = str(plan.value("instance_type"))

    def charge(what: str, item: str, quantity: float, **more: Any) -> Charge:
        return Charge(what=what, item=item, place=region, quantity=quantity, **more)

    return [
        charge("writing blocks", "aws.put-block", writes),
        charge("reading blocks back", "aws.get-block", reads),
        charge("listing blocks, to read them back", "aws.list-blocks", lists),
        charge(
            "data out of the target, to read it back", "aws.egress.gib",
            0 if terms.worker == "target" else back_gib,
        ),
        charge(
            "snapshots at the target", "aws.snapshot.gib-month", stored_gib,
            period="a month until it is finalised",
        ),
        charge(
            f"the new machine, {kind}, once it runs", f"aws.vm-hour.{kind}", _HOURS_A_MONTH,
            period="a month",
        ),
        *(
            charge(
                f"{device.name}, {_kind(plan, device.index)}",
                f"aws.volume.gib-month.{_kind(plan, device.index)}",
                -(-int(plan.value(f"disks[{device.index}].size_bytes") or 0) // _GIB),
                period="a month",
            )
            for device in plan.devices
        ),
    ]  # fmt: skip


def _kind(plan: Plan, index: int) -> str:
    return str(plan.value(f"disks[{index}].kind"))


def _needs(plan: Plan) -> Counter[str]:
    needs = Counter[str]()
    needs["vCPUs"] = plan.machine.vcpus
    needs["network interfaces"] = len(plan.machine.nics)
    for device in plan.devices:
        needs[f"{_kind(plan, device.index)} volumes"] += 1
    return needs
