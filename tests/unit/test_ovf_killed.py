"""A process that makes a package is killed, again and again: the end is the same package."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from providers.ovf.writing.target import OvfTarget
from tests.unit.machines import a_disk
from tests.unit.ovf_folders import MIB, MIGRATION, a_plan, copied, left_in

pytestmark = pytest.mark.slow

DISKS = tuple(
    a_disk(id=f"d{n}", root=n == 0, size_bytes=size, encrypted=False)
    for n, size in enumerate((40 * MIB, 24 * MIB))
)


CODE = """
import sys
from pathlib import Path

from tests.unit.test_ovf_killed import make

make(Path(sys.argv[1]))
"""


def make(folder: Path) -> str:
    """What the process does: it copies what is not committed, and makes the package."""
    cloud = OvfTarget(folder)
    plan = a_plan(cloud, disks=DISKS)
    return cloud.allocate(plan, copied(cloud, plan, held=8 * MIB))


def started(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CODE, folder], cwd=Path(__file__).parents[2])


def test_whenever_it_is_killed_the_next_run_goes_on_to_the_same_package(tmp_path):
    begun = time.monotonic()
    assert started(tmp_path).wait(timeout=120) == 0
    took_s = time.monotonic() - begun
    package = tmp_path / "web-01.ova"
    whole = package.read_bytes()
    OvfTarget(tmp_path).discard(MIGRATION)

    dice, killed = random.Random(4), 0
    for part in range(6):
        process = started(tmp_path)
        time.sleep(took_s * (0.5 + 0.5 * dice.random() * (part + 1) / 6))
        process.kill()
        killed += process.wait() != 0
        assert not package.exists() or package.read_bytes() == whole
    assert killed
    assert started(tmp_path).wait(timeout=120) == 0

    assert package.read_bytes() == whole
    names = left_in(tmp_path)
    assert not [name for name in names if name.endswith((".raw", ".vmdk", "package.ova"))], names
    assert OvfTarget(tmp_path).discard(MIGRATION)
    assert left_in(tmp_path) == []
