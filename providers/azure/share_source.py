"""What a migration takes of Azure as its source: calls, and what is paid for.

Pages: "Create an incremental snapshot for managed disks" (billed by what is used, on standard
storage), "Bandwidth pricing". How fast a snapshot is read is published nowhere: no bound is told.
"""

from collections.abc import Sequence

from coldferry.contents import DiskContent
from coldferry.estimating import Charge, Share, Terms
from coldferry.plan import Plan
from coldferry.traffic import listings
from providers.azure.page_reader import LIMITS

_GIB = 1 << 30
_HOURS_A_MONTH = 730
_INSPECTION_HOURS = 1

_MANAGE, _MANAGE_DISK, _MANAGE_NIC = 60, 16, 6
_LOOK, _LOOK_DISK = 4, 14
"""Calls of the Resource Manager: for a machine, more for each disk and each interface; and for a
look into its disks.

A guess: one machine of two disks took a quarter more on the double. Slow operations take more, too.
"""


def source_share(plan: Plan, contents: Sequence[DiskContent], terms: Terms, location: str) -> Share:
    """Of a machine that is moved once, without anything that has to be repeated."""
    looked = 2 * -(-terms.looked_bytes // LIMITS.max_request_bytes) if terms.inspect else 0
    reads = sum(one.traffic.reads for one in contents)
    lists = sum(_listings(one, terms) for one in contents)
    return Share(
        calls={
            "azure: read": reads + looked,
            "azure: list": lists,
            "azure: manage": _managing(plan, terms),
        },
        charges=tuple(_charges(contents, terms, location)),
    )


def _listings(one: DiskContent, terms: Terms) -> int:
    copying = listings(one.size_bytes, one.stretches)
    # A look counts what is allocated, and finds its way once more; so does the one after the halt.
    return copying + (2 + copying if terms.inspect else 0)


def _managing(plan: Plan, terms: Terms) -> int:
    disks, nics = len(plan.devices), len(plan.machine.nics)
    look = _LOOK + _LOOK_DISK * disks if terms.inspect else 0
    return _MANAGE + _MANAGE_DISK * disks + _MANAGE_NIC * nics + look


def _charges(contents: Sequence[DiskContent], terms: Terms, location: str) -> list[Charge]:
    stored_gib = sum(one.allocated_bytes for one in contents) / _GIB
    inside = terms.worker == "source"
    leaving = sum(one.traffic.sent_bytes if inside else one.traffic.read_bytes for one in contents)
    brief = stored_gib * _INSPECTION_HOURS / _HOURS_A_MONTH if terms.inspect else 0
    item = "azure.snapshot.gib-month"
    return [
        Charge(
            what="data out of the source", item="azure.egress.gib", place=location,
            quantity=leaving / _GIB,
        ),
        Charge(
            what="the inspection's snapshots, an hour of them", item=item, place=location,
            quantity=brief,
        ),
        Charge(
            what="snapshots at the source", item=item, place=location, quantity=stored_gib,
            period="a month until it is finalised",
        ),
    ]  # fmt: skip
