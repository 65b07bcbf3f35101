"""Which drivers a Linux kernel has, and where: in itself, in its modules, in its initramfs.

Sources: kernel's "Kbuild" (``modules.builtin``), depmod(8) (``modules.dep``);
"The Linux/x86 Boot Protocol" (the release's text in a kernel's header).
"""

import re
import struct
from dataclasses import dataclass

from coldferry.guest.text import text_of
from coldferry.guest.tree import Tree

_LIST_BYTES = 4 << 20
_MODULE = re.compile(r"([^/]+)\.ko(?:\.(?:gz|xz|zst|lzma))?")


@dataclass(frozen=True)
class Kernel:
    """One kernel's drivers; ``builtin`` and ``modules`` None where no list of them is there."""

    release: str
    builtin: frozenset[str] | None
    modules: frozenset[str] | None


def driver_name(path: str) -> str:
    """``kernel/drivers/net/hv-net.ko.zst`` is ``hv_net``; empty when it is no driver's file."""
    found = _MODULE.fullmatch(path.rpartition("/")[2])
    return found[1].replace("-", "_") if found else ""


def kernel_of(files: Tree, path: str) -> Kernel:
    """The kernel in one file, with what is known of its drivers."""
    release = _release(files, path)
    folder = f"/lib/modules/{release}"
    return Kernel(
        release,
        _listed(text_of(files, f"{folder}/modules.builtin", _LIST_BYTES)),
        _listed(_first_words(text_of(files, f"{folder}/modules.dep", _LIST_BYTES))),
    )


def _release(files: Tree, path: str) -> str:
    """From its header where it has one, from its name otherwise."""
    head = files.read(path, 64 << 10) or b""
    if head[0x202:0x206] == b"HdrS" and len(head) > 0x210:
        at = struct.unpack("<H", head[0x20E:0x210])[0] + 0x200
        word = head[at : at + 128].partition(b"\0")[0].decode("ascii", "replace").split()
        if word and files.names(f"/lib/modules/{word[0]}"):
            return word[0]
    known = files.names("/lib/modules")
    name = path.rpartition("/")[2]
    by_name = [release for release in known if name.endswith(f"-{release}")]
    return by_name[0] if by_name else known[0] if len(known) == 1 else ""


def _listed(text: str) -> frozenset[str] | None:
    names = frozenset(name for line in text.split("\n") if (name := driver_name(line.strip())))
    return names or None


def _first_words(text: str) -> str:
    return "\n".join(line.partition(":")[0] for line in text.split("\n"))
