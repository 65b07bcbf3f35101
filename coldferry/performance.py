"""What a disk can do, compared by figures and never by a kind's name."""

from typing import get_args

from coldferry.machine import UNKNOWN, Disk, Medium, Unknown

_MEDIA: tuple[Medium, ...] = get_args(Medium)
_IN_WORDS = {
    "hdd": "hard disk",
    "ssd": "SSD",
    "steady ssd": "SSD with steady figures",
}


def as_good(medium: Medium, wanted: Medium | Unknown) -> bool:
    """A disk of ``medium`` serves where ``wanted`` was; an unknown one asks nothing."""
    return wanted == UNKNOWN or _MEDIA.index(medium) >= _MEDIA.index(wanted)


def shortfalls(
    disk: Disk, iops: int, throughput_bytes_s: int, medium: Medium | None = None
) -> list[str]:
    """What a disk with these figures has less than the source's; unknown figures ask nothing."""
    found = []
    if medium is not None and disk.medium != UNKNOWN and not as_good(medium, disk.medium):
        found.append(f"less: {_IN_WORDS[disk.medium]} becomes {_IN_WORDS[medium]}")
    if isinstance(disk.iops, int) and iops < disk.iops:
        found.append(f"fewer IOPS: {disk.iops} become {iops}")
    if isinstance(disk.throughput_bytes_s, int) and throughput_bytes_s < disk.throughput_bytes_s:
        found.append(
            f"lower throughput: {mib(disk.throughput_bytes_s)} become {mib(throughput_bytes_s)}"
        )
    return found


def share(disk: Disk, iops: int, throughput_bytes_s: int) -> float:
    """How much of the source's figures is there, from 0 to 1, by the figure that is short most."""
    pairs = ((iops, disk.iops), (throughput_bytes_s, disk.throughput_bytes_s))
    return min((has / had for has, had in pairs if isinstance(had, int) and had > has), default=1.0)


def has_figures(disk: Disk) -> bool:
    """The source gives at least one figure."""
    return isinstance(disk.iops, int) or isinstance(disk.throughput_bytes_s, int)


def becomes(disk: Disk, words: str, short: list[str]) -> str:
    """The difference between a disk and ``words``, its downgrade named."""
    downgrade = f" A downgrade: {'; '.join(short)}." if short else ""
    return f"{_in_words(disk)} -> {words}.{downgrade}"


def figures(iops: int, throughput_bytes_s: int) -> str:
    """``3000 IOPS, 125 MiB/s``."""
    return f"{iops} IOPS, {mib(throughput_bytes_s)}"


def mib(rate_bytes_s: int) -> str:
    """A rate as a person reads it."""
    return f"{rate_bytes_s / (1 << 20):.0f} MiB/s"


def _in_words(disk: Disk) -> str:
    iops, rate = disk.iops, disk.throughput_bytes_s
    told = []
    if iops is not None:
        told.append(f"{iops} IOPS" if isinstance(iops, int) else "IOPS not known")
    if rate is not None:
        told.append(mib(rate) if isinstance(rate, int) else "MiB/s not known")
    return f"{disk.kind} ({', '.join(told) or 'without figures'})"
