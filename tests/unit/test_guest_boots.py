"""A real guest with two disks comes up by either firmware, and says what is on them."""

import hashlib
import re

import pytest

from tests.guest import build, build_data
from tests.guest.booting import console_of
from tests.guest.healthy import healthy
from tests.guest.recipe import Firmware

MARK = "@@GUEST@@ "


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_the_guest_says_its_name_its_disks_and_its_cards(firmware: Firmware):
    disks = [build(), build_data()]
    before = [digest(disk.read_bytes()) for disk in disks]
    console = console_of(disks[0], firmware, data=disks[1], timeout_s=240)
    after = [digest(disk.read_bytes()) for disk in disks]
    said = [line.partition(MARK)[2].strip() for line in console.splitlines() if MARK in line]
    payload = healthy("web-01", "both").noise("payload", 1 << 20)

    assert re.fullmatch(rf"up host=web-01 kernel=6\.\S+ firmware={firmware}", said[0])
    assert f"payload sha256={digest(payload)}" in said
    assert [line.split()[2] for line in said if line.startswith("disk ")] == [
        f"sectors={disk.stat().st_size // 512}" for disk in disks
    ]
    assert [line.split()[3:] for line in said if line.startswith("content ")] == [
        [f"bytes={disks[1].stat().st_size}", f"sha256={before[1]}"]
    ]
    assert [line for line in said if re.fullmatch(r"card name=\w+ mac=52:54:00:\S+", line)]
    assert said[-1] == "done"
    assert "web-01 login: " in console
    assert before == after


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
