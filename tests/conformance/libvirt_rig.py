"""A private, unprivileged libvirt daemon and machines in it, for tests that need a real one.

It runs as nobody where the tests run as root, so that nothing of the machine is touched, and its
machines run under TCG, whatever /dev/kvm promises.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from providers.libvirt.access import LibvirtAccess
from tests import untouched
from tests.debian import SEARCHED, give_up, install, lacking

MIB = 1024 * 1024
SIZE = 20 * MIB

PROGRAMS = {
    "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
}
LIBRARIES = ("libvirt-daemon-driver-qemu", "seabios", "ovmf", "python3-libvirt")
"""Beside the programs: the daemon's driver, firmware, and the binding where none was built."""

BOOT = (
    bytes.fromhex(
        "31c08ed88ec0"  # DS = ES = 0
        "b280b80103bb007cb90200b600cd13"  # of drive 0x80: write the second sector (INT 13h)
        "fec280fa8275ec"  # and of 0x81
        "ba0206b80001ef"  # PM1_EN: the power button is listened to
        "fbf4ba0006edf6c40174f6"  # sleep until PM1_STS says that it was pressed
        "ba0406b80020ef"  # PM1_CNT: off
        "ebfe"
    ).ljust(510, b"\0")
    + b"\x55\xaa"
)
"""A guest in a sector: it writes to its disks, and shuts down when its button is pressed.

Its ports are those that SeaBIOS gives the PIIX4 of a machine of type pc.
"""


def bring_binding() -> bool:
    """Whether ``libvirt`` can be imported, if need be Debian's, where it was built for us."""
    try:
        import libvirt
    except ImportError:
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        found = Path(f"/usr/lib/python3/dist-packages/libvirtmod{suffix}")
        if not found.exists():
            return False
        shelf = Path(tempfile.mkdtemp(prefix="coldferry-binding-"))
        for name in ("libvirt.py", found.name):  # and nothing else of Debian's Python
            (shelf / name).symlink_to(found.with_name(name))
        sys.path.append(str(shelf))
        import libvirt  # noqa: F401
    return True


class Libvirt:
    """A running daemon with one pool, and its own connection, which is not ours."""

    def __init__(self, folder: Path) -> None:
        import libvirt

        self.folder = folder
        self.images = folder / "images"
        self.uri = f"qemu+unix:///session?socket={folder}/sock/libvirt-sock"
        self.access = LibvirtAccess(uri=self.uri)
        self.connection: Any = libvirt.open(self.uri)
        self.pool = self.connection.storagePoolCreateXML(
            f"<pool type='dir'><name>main</name><target><path>{self.images}</path></target></pool>"
        )

    def volume(
        self, name: str, content: Mapping[int, bytes], *, kind: str = "raw", size: int = SIZE
    ) -> Path:
        """A volume that was made without our code."""
        raw, path = self.images / f"{name}.new", self.images / name
        with raw.open("wb") as file:
            file.truncate(size)
            for offset, data in content.items():
                file.seek(offset)
                file.write(data)
        convert = ["qemu-img", "convert", "-f", "raw", "-O", kind, str(raw), str(path)]
        subprocess.run(convert, check=True)
        raw.unlink()
        if os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")
        self.pool.refresh(0)
        untouched.watch(path, read=_as_guest_sees, guest_writes=((512, 512),))  # see BOOT
        return path

    def machine(self, name: str, disks: Mapping[str, str], more: str = "") -> str:
        """Define a stopped machine; ``disks`` are volumes by name, with their formats."""
        devices = "".join(
            f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/>"
            f"<source file='{self.images / disk}'/><target dev='vd{letter}' bus='virtio'/></disk>"
            for letter, (disk, kind) in zip("abcdef", disks.items(), strict=False)
        )
        self.connection.defineXML(
            f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>"
            "<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>"
            f"<features><acpi/></features><devices>{devices}<interface type='user'>"
            f"<model type='virtio'/></interface>{more}</devices></domain>"
        )
        return name

    def write(self, name: str, number: int, offset: int, data: bytes) -> None:
        """Have a running machine's QEMU write to its disk as the guest would: one byte's run."""
        assert data == data[:1] * len(data)
        document = ET.fromstring(self.connection.lookupByName(name).XMLDesc())
        sources = document.findall("devices/disk[@device='disk']/source")
        untouched.guest_wrote(Path(sources[number].get("file", "")), offset, len(data))
        words = f"write -P {data[0]} {offset} {len(data)}"
        place = f"/machine/peripheral/virtio-disk{number}/virtio-backend"
        command = ["qemu-monitor-command", name, "--hmp", f'qemu-io -d {place} "{words}"']
        self.virsh(*command)
        self.virsh("qemu-monitor-command", name, "--hmp", f'qemu-io -d {place} "flush"')

    def virsh(self, *words: str) -> str:
        """What libvirt's own command line says."""
        found = subprocess.run(
            ["virsh", "-c", self.uri, *words], check=True, capture_output=True, text=True
        )
        return found.stdout

    def cut_power(self) -> None:
        """Whatever runs is off."""
        for one in self.connection.listAllDomains():
            if one.isActive():
                one.destroy()

    def forget(self, name: str) -> None:
        """A machine is undefined, its NVRAM, too; its volumes stay."""
        self.connection.lookupByName(name).undefineFlags(4)

    def forget_all(self, name: str) -> None:
        """A machine goes, running or not, with its first volume's namesake."""
        self.connection.lookupByName(name).destroy()
        self.forget(name)
        (self.images / f"{name}.raw").unlink()

    def clear(self) -> None:
        """No machine and no volume is left."""
        self.cut_power()
        for one in self.connection.listAllDomains():
            self.forget(one.name())
        self.pool.refresh(0)
        for volume in self.pool.listAllVolumes():
            volume.delete()

    @staticmethod
    def read(path: str, offset: int, length: int) -> bytes:
        """Bytes of a raw volume's file."""
        with Path(path).open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _as_guest_sees(path: Path) -> bytes:
    """A volume's bytes by qemu-img, of the format that its name says, also while it is open."""
    kind = path.suffix[1:]
    if kind != "qcow2":
        return path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        convert = ["qemu-img", "convert", "-U", "-f", kind, "-O", "raw", str(path), str(raw)]
        subprocess.run(convert, check=True)
        return raw.read_bytes()


@contextmanager
def running() -> Iterator[Libvirt]:
    """A daemon of its own, gone afterwards; skips, saying why, where none can be had."""
    if lacking(PROGRAMS) or not bring_binding():
        install(*PROGRAMS.values(), *LIBRARIES)
    if missing := lacking(PROGRAMS):
        give_up(f"needs {', '.join(missing)}")
    if not bring_binding():
        give_up("needs libvirt's Python binding: the extra 'libvirt', or python3-libvirt")
    # A socket's address has at most 107 characters, and QEMU's agent has one deep in here.
    folder = Path(tempfile.mkdtemp(prefix="libvirt-", dir="/tmp"))
    before = os.umask(0o022)  # another than a host's may be left by a command in this process
    try:
        daemon = _start(folder)
        try:
            found = Libvirt(folder)
            yield found
            assert untouched.altered() == [], "a test altered these disks"
            found.cut_power()
            found.connection.close()
        finally:
            daemon.terminate()
            daemon.wait(20)
    finally:
        os.umask(before)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    places = ("sock", "run", "config", "cache", "data", "images")
    for name in places:
        (folder / name).mkdir()
    (folder / "libvirtd.conf").write_text(
        f'unix_sock_dir = "{folder}/sock"\nunix_sock_rw_perms = "0700"\nauth_unix_rw = "none"\n'
        f'log_outputs = "3:file:{folder}/run/libvirtd.log"\n'
    )
    words = ["libvirtd", "-f", f"{folder}/libvirtd.conf", "-p", f"{folder}/run/libvirtd.pid"]
    if os.geteuid() == 0:
        folder.chmod(0o755)
        for name in places:
            shutil.chown(folder / name, "nobody", "nogroup")
        user = ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        words = ["setpriv", *user, *words]
    around = {
        "HOME": str(folder / "data"), "XDG_RUNTIME_DIR": str(folder / "run"),
        "XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"), "PATH": SEARCHED,
    }  # fmt: skip
    said = folder / "said"
    with said.open("ab") as log:
        daemon = subprocess.Popen(words, env=around, cwd=folder, stderr=log)
    deadline = time.monotonic() + 120
    while daemon.poll() is None and time.monotonic() < deadline:
        if (folder / "sock" / "libvirt-sock").exists():
            return daemon
        time.sleep(0.1)
    daemon.kill()
    daemon.wait()
    logs = (said, folder / "run" / "libvirtd.log")
    told = [log.read_text(errors="replace")[-500:] for log in logs if log.exists()]
    return give_up(
        f"libvirtd does not start on this machine: {told}, exit code {daemon.returncode}"
    )
