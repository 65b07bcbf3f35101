"""Packages as two importers of other people's read them: virt-v2v and cot.

cot (PyPI) knows SHA-1 manifests only: it is given one, over the same files. It has an
environment of its own, since it wants old packages.
"""

import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from coldferry.ports import FrozenDisk, Proof, VerifiedDisk
from providers.ovf.writing import archive, package
from providers.ovf.writing.archive import Member
from providers.ovf.writing.target import OvfTarget
from tests import guest
from tests.debian import give_up, lacking
from tests.guest.packages import kernel_version, parts
from tests.unit.machines import a_disk
from tests.unit.ovf_folders import MIGRATION, a_plan

pytestmark = pytest.mark.slow

COT = "cot==2.2.1"
_TOOLS = {"virt-v2v": "virt-v2v", "qemu-img": "qemu-utils", "nbdkit": "nbdkit"}
_APPLIANCE = {"qemu-system-x86_64": "qemu-system-x86", "supermin": "supermin"}
_MANIFEST_HELD = "Opening the source"
"""It says so once it has read all files of the package and compared their digests."""
_LOOKED_INTO = "Inspecting the source"
_MOST_S, _ENDING_S = 170, 30
"""A minute alone; beside other tests, its emulated machine gets a part of a core."""


@pytest.fixture(scope="module")
def ova(tmp_path_factory) -> Path:
    """A package of a guest that boots, with its two disks."""
    images = [guest.build(), guest.build_data()]
    cloud = OvfTarget(tmp_path_factory.mktemp("packages"))
    sizes = [image.stat().st_size for image in images]
    disks = tuple(
        a_disk(id=f"d{n}", root=n == 0, size_bytes=size, encrypted=False)
        for n, size in enumerate(sizes)
    )
    plan = a_plan(cloud, disks=disks)
    written = []
    for device, image in zip(plan.devices, images, strict=True):
        with cloud.open_disk(plan, FrozenDisk(MIGRATION, device, "frozen")) as out:
            with image.open("rb") as file:
                at = 0
                while piece := file.read(512 << 10):
                    if piece != bytes(len(piece)):
                        out.write(at, memoryview(piece))
                    at += len(piece)
            proof = Proof("none: this test is not about it", "nobody", equal=True)
            written.append(VerifiedDisk(device, out.commit(), "", proof))
    return cloud.folder / cloud.allocate(plan, written)


def virt_v2v(path: Path, until: str = "") -> tuple[int | None, str]:
    """How it ended and what it said; ``until`` it said that, or for too long: it is ended (None).

    Its own small machine is of Debian's kernel that the guest is of, which is not installed.
    """
    if missing := lacking(_TOOLS | (_APPLIANCE if until else {})):
        give_up(f"{', '.join(missing)} cannot be installed")
    kept = guest.cache_folder() / "guestfs"
    kept.mkdir(exist_ok=True)
    if until and not Path("/lib/modules").is_dir():  # supermin lays it out as it is here
        if os.geteuid():
            give_up("virt-v2v needs a folder /lib/modules, as any installed kernel brings it")
        Path("/lib/modules").mkdir()
    settings = {
        "LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg",
        "LIBGUESTFS_CACHEDIR": str(kept), "LIBGUESTFS_MEMSIZE": "512",
        "SUPERMIN_KERNEL": str(parts() / "boot" / f"vmlinuz-{kernel_version()}"),
        "SUPERMIN_KERNEL_VERSION": kernel_version(),
        "SUPERMIN_MODULES": str(parts() / "lib/modules" / kernel_version()),
    }  # fmt: skip
    said, ends = "", time.monotonic() + _MOST_S
    process = subprocess.Popen(
        ["virt-v2v", "-i", "ova", path, "-o", "null"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | settings, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        while select.select([process.stdout], [], [], max(0, ends - time.monotonic()))[0]:
            if not (some := os.read(process.stdout.fileno(), 1 << 16)):
                return process.wait(timeout=_ENDING_S), said
            said += some.decode(errors="replace")
            if until and until in said:
                return None, said
        return None, said
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # it takes its own machine down
        try:
            process.wait(timeout=_ENDING_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


@pytest.mark.slow(takes_s=150)
def test_virt_v2v_takes_the_manifest_and_goes_on_to_look_into_the_guest(ova):
    """How far it looks depends on the machine's speed: a warning says so where it is not reached.

    That it takes the manifest does not depend on it, nor that nothing on the way is refused.
    """
    ended, said = virt_v2v(ova, until=_LOOKED_INTO)

    assert ended is None, said[-3000:]
    assert _MANIFEST_HELD in said, said[-3000:]
    assert "manifest" not in said.lower(), said[-3000:]
    if _LOOKED_INTO not in said:
        told = f"NOT SHOWN: virt-v2v did not come to looking into the guest within {_MOST_S} s"
        warnings.warn(told, stacklevel=1)


def test_virt_v2v_refuses_a_package_in_which_one_byte_turned(ova, tmp_path):
    turned = tmp_path / ova.name
    shutil.copy(ova, turned)
    with tarfile.open(turned, "r:") as tar:
        disk = next(one for one in tar if one.name.endswith("-disk0.vmdk"))
    with turned.open("r+b") as file:
        file.seek(disk.offset_data + disk.size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    ended, said = virt_v2v(turned)

    assert ended, said[-3000:]
    assert "does not match manifest" in said, said[-3000:]
    assert _MANIFEST_HELD not in said


@pytest.fixture(scope="module")
def cot() -> Path:
    """The program, in an environment under the cache folder."""
    folder = guest.cache_folder() / COT.replace("==", "-")
    program = folder / "bin" / "cot"
    if not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        made = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(folder / "bin/python"), "-m", "pip", "install", "-q", "setuptools<80", COT],
        ]
        for command in made:
            if subprocess.run(command, check=False, capture_output=True).returncode:
                shutil.rmtree(folder, ignore_errors=True)
                give_up(f"{COT} cannot be installed")
    return program


def test_cot_reads_disks_controllers_and_interface_and_the_digests_agree(ova, cot, tmp_path):
    with tarfile.open(ova, "r:") as tar:
        held = {one.name: tar.extractfile(one).read() for one in tar}
    rows = [
        (name, hashlib.sha1(data, usedforsecurity=False).hexdigest())
        for name, data in held.items()
        if not name.endswith(".mf")
    ]

    def look(told: list[tuple[str, str]]) -> str:
        held["web-01.mf"] = package.manifest(told, "SHA1")
        old = tmp_path / "web-01.ova"
        archive.write(old, [Member(name, data) for name, data in held.items()])
        found = subprocess.run(
            [cot, "info", "-v", old], check=False, capture_output=True, text=True, timeout=120
        )
        assert found.returncode == 0, found.stderr[-3000:]
        return found.stdout + found.stderr

    said = look(rows)
    assert "ERROR" not in said, said
    for words in ("web-01-disk0.vmdk", "web-01-disk1.vmdk", "SCSI 0:1", "VmxNet3", "apps"):
        assert words in said
    assert "ERROR" in look([*rows[:-1], (rows[-1][0], "0" * 40)])
