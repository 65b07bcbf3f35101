"""Everything in the region that bears our tag, kind by kind: what an audit looks at.

Sources: the Describe calls of the EC2 API reference with the filters ``tag-key`` and ``tag:``;
"Amazon EC2 On-Demand Pricing" and "Amazon EBS pricing" (what is billed by what).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from coldferry.migration import MIGRATION_TAG
from coldferry.ports import DAYS_A_MONTH, FROZEN, KEPT_COPY, PowerState, Tagged
from providers.aws.instances import power_of, tags_of
from providers.aws.listing import made_by, rows
from providers.aws.session import Clients
from providers.aws.target_tags import (
    COPIED,
    FROM_TAG,
    GROUP,
    IMAGE,
    INTERFACE,
    KEPT_TAG,
    VM,
    VOLUME,
    tag_of,
)

_GIB = 1 << 30
_HOURS_A_DAY = 24


def everything(
    clients: Clients, migration: str | None = None, kinds: Sequence[str] = ()
) -> Iterator[Tagged]:
    """All that bears that migration's tag, or any one's; terminated instances are none.

    With ``kinds`` those alone, for fewer calls.
    """
    for words, call, made in _CALLS:
        if not kinds or not {*kinds}.isdisjoint(words):
            for row in rows(clients, call, "what is ours", made_by(migration)):
                found = made(row, tag_of(row, MIGRATION_TAG) or "", clients.region)
                if found is not None and (not kinds or found.kind in kinds):
                    yield found


def _instance(row: Any, migration: str, region: str) -> Tagged | None:
    power, kind = power_of(row), row.get("InstanceType", "")
    if power is PowerState.GONE:
        return None
    return Tagged(
        migration, VM, row["InstanceId"], sku=kind, power=power,
        item=f"aws.vm-hour.{kind}", place=region, units_per_day=_HOURS_A_DAY,
    )  # fmt: skip


def _volume(row: Any, migration: str, region: str) -> Tagged | None:
    size_gib, kind = row.get("Size", 0), row.get("VolumeType", "")
    return Tagged(
        migration, VOLUME, row["VolumeId"], size_gib * _GIB, kind,
        item=f"aws.volume.gib-month.{kind}", place=region, units_per_day=size_gib / DAYS_A_MONTH,
    )  # fmt: skip


def _snapshot(row: Any, migration: str, region: str) -> Tagged | None:
    """Its size is the volume's: EC2 does not tell how much of it is kept, so that is the most."""
    size_gib, tier = row.get("VolumeSize", 0), row.get("StorageTier", "standard")
    return Tagged(
        migration, _word(tags_of(row.get("Tags", []))), row["SnapshotId"], size_gib * _GIB, tier,
        item="aws.snapshot.gib-month" if tier == "standard" else "",
        place=region, units_per_day=size_gib / DAYS_A_MONTH,
    )  # fmt: skip


def _word(tags: dict[str, str]) -> str:
    """What a target wrote, a lasting copy, or a source's frozen disk.

    So is one that an accident tagged (a backup with its volume's tags): nothing removes that.
    """
    if FROM_TAG in tags:
        return COPIED
    return KEPT_COPY if KEPT_TAG in tags else FROZEN


def _image(row: Any, migration: str, _region: str) -> Tagged | None:
    return Tagged(migration, IMAGE, row["ImageId"])


def _interface(row: Any, migration: str, _region: str) -> Tagged | None:
    return Tagged(migration, INTERFACE, row["NetworkInterfaceId"])


def _group(row: Any, migration: str, _region: str) -> Tagged | None:
    return Tagged(migration, GROUP, row["GroupId"])


_CALLS: tuple[tuple[tuple[str, ...], str, Callable[[Any, str, str], Tagged | None]], ...] = (
    ((VM,), "describe_instances", _instance),
    ((INTERFACE,), "describe_network_interfaces", _interface),
    ((VOLUME,), "describe_volumes", _volume),
    ((IMAGE,), "describe_images", _image),
    ((COPIED, FROZEN, KEPT_COPY), "describe_snapshots", _snapshot),
    ((GROUP,), "describe_security_groups", _group),
)
