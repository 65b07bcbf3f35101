"""What a migration takes of AWS as its source: calls, what bounds them, and what is paid for.

Pages: "Pricing for EBS direct APIs" (a listing is paid for by the request, a
block by the block returned), "Quotas for Amazon EBS" (block reads a second for
an account), "Amazon EBS snapshots" (paid for by what is stored).
"""

from collections.abc import Sequence

from coldferry.contents import DiskContent
from coldferry.estimating import Bound, Charge, Share, Terms
from coldferry.machine import UNKNOWN
from coldferry.plan import Plan
from coldferry.traffic import End
from providers.aws.blocks import BLOCK_BYTES, IN_FLIGHT
from providers.aws.disks import LIMITS, PAGE_BLOCKS, PAGES_KEPT

END = End(LIMITS, whole_leaves=True)

_GIB = 1 << 30
_HOURS_A_MONTH = 730
_INSPECTION_HOURS = 1

_RIGHTS = 1
"""Preflight asks once for a list that is not there, to learn whether it may."""

_MANAGE, _MANAGE_LOOK, _INVENTORIES = 112, 9, 3
"""Calls of the control plane: for a machine, more for looks into its disks, and how often its
inventory is read, which takes a call more for each shared file system and for DHCP options.

Counted on the double, where nothing takes long: waiting for a real guest or snapshot takes more.
So do an account's target groups and DNS zones, each of which is asked about.
"""


def source_share(plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
    """Of a machine that is moved once, without anything that has to be repeated."""
    region = plan.machine.origin.scope.rpartition("/")[2]
    reads = sum(one.traffic.reads for one in contents)
    looked = 2 * -(-terms.looked_bytes // BLOCK_BYTES) if terms.inspect else 0
    lists = sum(_listings(one, terms) for one in contents)
    return Share(
        calls={
            "aws: read": reads + looked,
            "aws: list": lists + _RIGHTS,
            "aws: manage": _managing(plan, terms),
        },
        bounds=tuple(_bounds(contents, terms)),
        charges=tuple(_charges(contents, terms, region, reads + looked, lists)),
    )


def _listings(one: DiskContent, terms: Terms) -> int:
    """The copy lists a disk once, twice where not all pages can be kept; each look does so, too."""
    blocks = -(-one.allocated_bytes // BLOCK_BYTES)
    pages = max(1, -(-blocks // PAGE_BLOCKS))
    copying = pages if pages <= PAGES_KEPT else 2 * pages
    # One look finds its way by the first page, and the disk is counted; so does the other one.
    return copying + (2 + pages if terms.inspect else 0)


def _managing(plan: Plan, terms: Terms) -> int:
    machine = plan.machine
    options = machine.dns.search_domains not in (UNKNOWN, ())
    more = options + len(machine.network_filesystems)
    # A look freezes, and releases what it froze disk by disk.
    looks = _MANAGE_LOOK + len(plan.devices) if terms.inspect else 0
    return _MANAGE + looks + _INVENTORIES * more


def _bounds(contents: Sequence[DiskContent], terms: Terms) -> list[Bound]:
    found = []
    quota = terms.rates.each("aws.block-reads-per-s")
    if quota:
        reads = sum(one.traffic.reads for one in contents)
        found.append(Bound(step="copy", name="EBS request quota", amount=reads, per_s=quota))
    latency_s = terms.rates.each("aws.block-read-s")
    if latency_s:
        found += [
            Bound(
                step="copy", name="EBS latency", amount=one.traffic.reads,
                per_s=IN_FLIGHT / latency_s, device=one.device,
            )
            for one in contents
        ]  # fmt: skip
    return found


def _charges(
    contents: Sequence[DiskContent], terms: Terms, region: str, blocks: int, lists: int
) -> list[Charge]:
    stored_gib = sum(one.allocated_bytes for one in contents) / _GIB
    inside = terms.worker == "source"
    leaving = sum(one.traffic.sent_bytes if inside else one.traffic.read_bytes for one in contents)
    brief = stored_gib * _INSPECTION_HOURS / _HOURS_A_MONTH if terms.inspect else 0
    return [
        Charge(what="listing blocks", item="aws.list-blocks", place=region, quantity=lists),
        Charge(what="reading blocks", item="aws.get-block", place=region, quantity=blocks),
        Charge(
            what="data out of the source", item="aws.egress.gib", place=region,
            quantity=leaving / _GIB,
        ),
        Charge(
            what="the inspection's snapshots, an hour of them", item="aws.snapshot.gib-month",
            place=region, quantity=brief,
        ),
        Charge(
            what="snapshots at the source", item="aws.snapshot.gib-month", place=region,
            quantity=stored_gib, period="a month until it is finalised",
        ),
    ]  # fmt: skip
