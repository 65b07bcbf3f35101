"""A folder of packages obeys every law of a source but for those of power: none ever runs."""

import os
from pathlib import Path

import pytest

from coldferry.errors import Refused
from coldferry.ports import PowerState
from providers.ovf.access import OvfAccess
from providers.ovf.cloud import OvfCloud
from tests.conformance.cases import MIGRATION, SourceCase
from tests.conformance.laws import SourceLaws, _made_anew, _plan
from tests.unit.ovf_packages import (
    DISK,
    FILE,
    FIRST,
    ITEMS,
    SIZE,
    content,
    descriptor,
    disk_item,
    manifest,
    ova,
    stream_optimized,
    system,
)

DISKS = {"d1": content(1), "d2": content(2)}


def _package(path: Path) -> None:
    text = descriptor(
        files=FILE + FILE.replace("f1", "f2").replace("disk1", "disk2"),
        disks=DISK + DISK.replace("d1", "d2").replace("f1", "f2"),
        systems=system(ITEMS.replace(FIRST, FIRST + disk_item(6, 1, "ovf:/disk/d2"))),
    )
    files = {
        "web.ovf": text.encode(),
        "disk1.vmdk": stream_optimized(DISKS["d1"]),
        "disk2.vmdk": stream_optimized(DISKS["d2"]),
    }
    ova(path, {"web.ovf": text, "web.mf": manifest(files), **files})


class TestOvf(SourceLaws):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SourceCase:
        _package(tmp_path / "web.ova")

        def read(ref: str, offset: int, length: int) -> bytes:
            disk = list(DISKS.values())[int(ref.split("/")[1].removeprefix("disk"))]
            assert len(disk) == SIZE
            return disk[offset : offset + length]

        return SourceCase(OvfCloud(OvfAccess(folder=str(tmp_path))), "web.ova", read)

    def test_starting_twice_is_starting_once(self, case: SourceCase) -> None:
        """It is refused, each time."""
        for _ in range(2):
            with pytest.raises(Refused):
                case.cloud.start(case.vm)
        assert case.cloud.power(case.vm) is PowerState.STOPPED

    def test_a_frozen_state_is_void_once_the_machine_ran_again(self, case: SourceCase) -> None:
        """What would be a start elsewhere is a change of its files here."""
        plan = _plan(case.cloud.describe(case.vm))
        first = case.cloud.freeze(case.vm, MIGRATION, plan.devices)
        _change(case)

        assert _made_anew(first, case.cloud.freeze(case.vm, MIGRATION, plan.devices))

    def test_a_start_since_the_freeze_is_told(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        frozen = case.cloud.freeze(case.vm, MIGRATION, plan.devices)
        told = case.cloud.started_since(case.vm, frozen), case.cloud.ran_since(case.vm, MIGRATION)
        assert told == (False, False)

        _change(case)

        told = case.cloud.started_since(case.vm, frozen), case.cloud.ran_since(case.vm, MIGRATION)
        assert told == (True, True)


def _change(case: SourceCase) -> None:
    path = Path(case.cloud.describe(case.vm).origin.scope) / case.vm
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1_000_000))
