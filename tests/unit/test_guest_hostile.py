"""Disks made to break who reads them give a clear finding, cheaply, and nothing of this machine."""

import socket
from pathlib import Path

import pytest

from tests.unit.guest_looks import ext4, look, measured, partitioned
from tests.unit.hostile_images import HOSTILE, SYSTEM

pytestmark = pytest.mark.long(takes_s=60)

MIB = 1 << 20
CPU_S = 5.0
PEAK_BYTES = 256 * MIB


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_disk_gives_a_clear_finding_within_its_limits(name: str, tmp_path: Path):
    make, tells = HOSTILE[name]
    found, cost = measured(make(tmp_path))

    told = [one for one in found.findings if tells in (one.code, one.subject)]
    assert told, found.findings
    for finding in found.findings:
        assert finding.what.endswith(".")
        assert len(finding.what) < 600
        assert "Traceback" not in finding.what
        assert "lib" not in finding.what.partition(":")[2]
    assert cost.cpu_s < CPU_S
    assert cost.peak_bytes < PEAK_BYTES


def test_there_are_as_many_as_are_asked_for():
    assert len(HOSTILE) >= 20


def test_a_link_out_of_the_guest_reads_nothing_of_this_machine(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("PRETTY_NAME=secret\n")
    files = SYSTEM | {
        "/etc/os-release": f"->{secret}",
        "/etc/hostname": f"->../../../../../../..{secret}",
    }
    image = partitioned(tmp_path / "disk.raw", ("8300", ext4(tmp_path, files)))
    evidence = look(image).evidence

    assert evidence.os_name == "x"
    assert evidence.hostname == ""
    assert socket.gethostname() not in evidence.model_dump_json()
