"""What an EBS volume can do all the time: the figures of Amazon's own tables."""

import pytest

from providers.aws.volume_figures import Figures, figures_of

MIB = 1 << 20


@pytest.mark.parametrize(
    ("kind", "size_gib", "iops", "mib_s", "expected"),
    [
        ("gp3", 8, 3000, 125, Figures("ssd", 3000, 125 * MIB)),
        ("gp3", 8, None, None, Figures("ssd", "unknown", "unknown")),
        ("gp2", 8, 100, None, Figures("ssd", 100, 25 * MIB)),
        ("gp2", 8, None, None, Figures("ssd", 100, 25 * MIB)),
        ("gp2", 1000, None, None, Figures("ssd", 3000, 250 * MIB)),
        ("gp2", 6000, None, None, Figures("ssd", 16_000, 250 * MIB)),
        ("io1", 100, 2000, None, Figures("steady ssd", 2000, 500 * MIB)),
        ("io1", 1280, 48_000, None, Figures("steady ssd", 48_000, 750 * MIB)),
        ("io1", 100, None, None, Figures("steady ssd", "unknown", "unknown")),
        ("io2", 100, 16_000, None, Figures("steady ssd", 16_000, 4000 * MIB)),
        ("st1", 128, None, None, Figures("hdd", None, 5 * MIB)),
        ("st1", 1024, None, None, Figures("hdd", None, 40 * MIB)),
        ("st1", 16_384, None, None, Figures("hdd", None, 500 * MIB)),
        ("sc1", 512, None, None, Figures("hdd", None, 6 * MIB)),
        ("sc1", 16_384, None, None, Figures("hdd", None, 192 * MIB)),
        ("standard", 100, None, None, Figures("hdd", 100, 40 * MIB)),
        ("gp9", 100, 7, None, Figures("unknown", 7, "unknown")),
    ],
)
def test_the_figures_are_those_without_bursts(
    kind: str, size_gib: int, iops: int | None, mib_s: int | None, expected: Figures
) -> None:
    assert figures_of(kind, size_gib, iops, mib_s) == expected
