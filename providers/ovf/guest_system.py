"""Which operating system an OVF says that the guest is: CIM's numbers, and exporters' words.

Sources: CIM_OperatingSystem.OsType (DMTF, as DSP0243 refers to); VMware's guest ids
(``vmw:osType``). What neither says is unknown.
"""

from typing import Literal

from coldferry.machine import UNKNOWN, Architecture, Unknown
from providers.ovf.envelope import System

_LINUX = frozenset({36, *range(79, 81), *range(82, 102), 106, 107, 108, 109})
_WINDOWS = frozenset({16, 17, 18, 58, 67, *range(69, 78), 103, 105, *range(111, 123)})
_64_BITS = frozenset({70, 71, 74, 77, 80, 83, 85, 90, 92, 94, 96, 98, 100, 101, 102, 103, 107, 109})
_LINUX_WORDS = (
    "linux", "debian", "ubuntu", "centos", "rhel", "red hat", "redhat", "suse", "sles", "fedora",
    "rocky", "alma", "photon",
)  # fmt: skip


def family(system: System) -> Literal["linux", "windows"] | Unknown:
    """Linux, Windows, or unknown."""
    number = _number(system)
    words = f"{system.os_type} {system.os_text}".lower()
    if number in _WINDOWS or "windows" in words:
        return "windows"
    if number in _LINUX or any(word in words for word in _LINUX_WORDS):
        return "linux"
    return UNKNOWN


def architecture(system: System) -> Architecture | Unknown:
    """By the guest id, which alone knows ARM; then by CIM's numbers for 64 bits."""
    word = system.os_type.lower()
    if word.startswith("arm"):
        return "arm64" if "64" in word else UNKNOWN
    number = _number(system)
    words = f"{word} {system.os_text}".lower()
    if "arm64" in words or "aarch64" in words:
        return "arm64"
    if number in _64_BITS or "64guest" in word or "64-bit" in words or "64 bit" in words:
        return "x86_64"
    return "x86_64" if "_64" in words else UNKNOWN


def _number(system: System) -> int:
    said = system.os_id
    return int(said) if said.isascii() and said.isdigit() and len(said) < 6 else 0
