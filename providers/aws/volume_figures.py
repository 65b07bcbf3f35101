"""What an EBS volume can do all the time, from what EC2 says of it and what its type promises.

Pages: "Amazon EBS General Purpose SSD volumes" (gp2 has 3 IOPS per GiB, its throughput is
IOPS by 256 KiB; 99 % of the time), "Amazon EBS Provisioned IOPS SSD volumes" (99.9 %;
io1 yields 500 MiB/s up to 32,000 IOPS and 16 KiB per IOPS beyond), "Amazon EBS Throughput
Optimized HDD and Cold HDD volumes" (baseline per TiB; no IOPS figure: I/O is counted in MiB),
"Amazon EBS previous generation volumes" (about 100 IOPS on average, 40 to 90 MiB/s).
Bursts are left out everywhere.
"""

from dataclasses import dataclass

from coldferry.machine import UNKNOWN, Medium, Unknown
from providers.aws.volume_types import VOLUME_TYPES, VolumeType

_MIB = 1 << 20
_IO1_LINEAR_FROM_IOPS = 32_000
_IO1_LINEAR_BYTES_PER_IOPS = 16 * 1024
_MAGNETIC_IOPS = 100

_MEDIA: dict[str, Medium] = {
    "gp3": "ssd",
    "gp2": "ssd",
    "io1": "steady ssd",
    "io2": "steady ssd",
    "st1": "hdd",
    "sc1": "hdd",
    "standard": "hdd",
}


@dataclass(frozen=True)
class Figures:
    """The figures of the description; see ``coldferry.machine.Disk``."""

    medium: Medium | Unknown
    iops: int | None | Unknown
    throughput_bytes_s: int | None | Unknown


def figures_of(kind: str, size_gib: int, iops: int | None, throughput_mib_s: int | None) -> Figures:
    """``iops`` and ``throughput_mib_s`` are what DescribeVolumes says, None where nothing."""
    known = next((row for row in VOLUME_TYPES if row.name == kind), None)
    if known is None:
        return Figures(UNKNOWN, UNKNOWN if iops is None else iops, UNKNOWN)
    can = _iops(known, size_gib, iops)
    return Figures(_MEDIA[kind], can, _throughput(known, size_gib, can, throughput_mib_s))


def _iops(row: VolumeType, size_gib: int, said: int | None) -> int | None | Unknown:
    if row.sets_iops:
        return UNKNOWN if said is None else said
    if row.iops_per_gib is not None:
        return said or max(row.min_iops, min(row.max_iops, row.iops_per_gib * size_gib))
    return None if row.throughput_per_gib else _MAGNETIC_IOPS


def _throughput(
    row: VolumeType, size_gib: int, iops: int | None | Unknown, said_mib_s: int | None
) -> int | None | Unknown:
    if row.sets_throughput:
        return UNKNOWN if said_mib_s is None else said_mib_s * _MIB
    if row.throughput_per_gib is not None:
        return min(row.max_throughput_bytes_s, row.throughput_per_gib * size_gib)
    if row.throughput_per_iops is None:
        return row.min_throughput_bytes_s
    if not isinstance(iops, int):
        return UNKNOWN
    if row.name == "io1" and iops > _IO1_LINEAR_FROM_IOPS:
        return _IO1_LINEAR_BYTES_PER_IOPS * iops
    return min(row.max_throughput_bytes_s, row.throughput_per_iops * iops)
