"""Amazon EBS volume types: what each can be and do, as data.

Pages: "Amazon EBS volume types" (its tables of SSD and HDD volumes) and Iops,
Size and Throughput of CreateVolume in the EC2 API reference. EC2 has no call that
tells these.
"""

from coldferry.offered import Row

_GIB = 1 << 30
_MIB = 1 << 20


class VolumeType(Row):
    """A kind of volume.

    A figure is *provisioned* where it is asked for at creation (``sets_iops``,
    ``sets_throughput``); elsewhere it follows from size or IOPS. ``iops_per_gib`` is the most
    that can be asked for per GiB where IOPS are set, and what a volume has where they are
    not. ``throughput_per_iops`` is in bytes per I/O, ``throughput_per_gib`` in bytes/s per
    GiB: the baseline without bursts.
    """

    name: str
    words: str
    min_bytes: int
    max_bytes: int
    bootable: bool
    min_iops: int
    max_iops: int
    iops_per_gib: int | None
    min_throughput_bytes_s: int
    max_throughput_bytes_s: int
    throughput_per_iops: int | None = None
    throughput_per_gib: int | None = None
    sets_iops: bool = False
    sets_throughput: bool = False


VOLUME_TYPES = (
    VolumeType(
        name="gp3", words="General Purpose SSD", min_bytes=_GIB, max_bytes=65536 * _GIB,
        bootable=True, min_iops=3000, max_iops=80_000, iops_per_gib=500,
        min_throughput_bytes_s=125 * _MIB, max_throughput_bytes_s=2000 * _MIB,
        throughput_per_iops=_MIB // 4, sets_iops=True, sets_throughput=True,
    ),
    VolumeType(
        name="io2", words="Provisioned IOPS SSD", min_bytes=4 * _GIB, max_bytes=65536 * _GIB,
        bootable=True, min_iops=100, max_iops=256_000, iops_per_gib=1000,
        min_throughput_bytes_s=0, max_throughput_bytes_s=4000 * _MIB,
        throughput_per_iops=256 * 1024, sets_iops=True,
    ),
    VolumeType(
        name="gp2", words="General Purpose SSD, before gp3", min_bytes=_GIB,
        max_bytes=16384 * _GIB, bootable=True, min_iops=100, max_iops=16_000, iops_per_gib=3,
        min_throughput_bytes_s=128 * _MIB, max_throughput_bytes_s=250 * _MIB,
        throughput_per_iops=256 * 1024,
    ),
    VolumeType(
        name="io1", words="Provisioned IOPS SSD, before io2", min_bytes=4 * _GIB,
        max_bytes=16384 * _GIB, bootable=True, min_iops=100, max_iops=64_000, iops_per_gib=50,
        # 1000 MiB/s only above 32,000 IOPS.
        min_throughput_bytes_s=0, max_throughput_bytes_s=500 * _MIB,
        throughput_per_iops=256 * 1024, sets_iops=True,
    ),
    VolumeType(
        name="st1", words="Throughput Optimized HDD", min_bytes=125 * _GIB,
        max_bytes=16384 * _GIB, bootable=False, min_iops=0, max_iops=500, iops_per_gib=None,
        min_throughput_bytes_s=0, max_throughput_bytes_s=500 * _MIB,
        throughput_per_gib=40 * _MIB // 1024,
    ),
    VolumeType(
        name="sc1", words="Cold HDD", min_bytes=125 * _GIB, max_bytes=16384 * _GIB,
        bootable=False, min_iops=0, max_iops=250, iops_per_gib=None,
        min_throughput_bytes_s=0, max_throughput_bytes_s=250 * _MIB,
        throughput_per_gib=12 * _MIB // 1024,
    ),
    VolumeType(
        name="standard", words="Magnetic, of the previous generation", min_bytes=_GIB,
        max_bytes=1024 * _GIB, bootable=True, min_iops=40, max_iops=200, iops_per_gib=None,
        min_throughput_bytes_s=40 * _MIB, max_throughput_bytes_s=90 * _MIB,
    ),
)  # fmt: skip
"""The first that is enough is chosen by the rule, of the first two; the rest a person may name."""
