"""Network settings that hold on to the old machine's hardware or addresses.

Sources: netplan's reference (match.macaddress, addresses), interfaces(5),
nm-settings-keyfile(5), systemd.network(5) and systemd.link(5), Red Hat's
ifcfg files, udev's 70-persistent-net.rules.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from coldferry.errors import Finding
from coldferry.guest.checks import cloud_init
from coldferry.guest.guest import Guest
from coldferry.guest.netplan import ethernets
from coldferry.guest.text import below, lines, setting, text_of
from coldferry.guest.tree import Tree

Tells = Callable[[str], bool]

_MOST_FILES = 64


def pinned_to_mac(guest: Guest) -> Iterator[Finding]:
    """The new machine has other MAC addresses: the settings apply to none of its interfaces."""
    for path in _files(guest, _PINS):
        yield Finding(
            "warn",
            "network-pinned-to-mac",
            path,
            f"{path} is for an interface with one certain MAC address: the new machine has another "
            "one, and stays without network.",
            "Match the interface by its name, or by its driver, and leave the MAC address out.",
        )


def static_address(guest: Guest) -> Iterator[Finding]:
    """Clouds hand addresses out by DHCP, and let no other one through."""
    for path in _files(guest, _STATIC):
        yield Finding(
            "warn",
            "network-static-address",
            path,
            f"{path} gives an interface a fixed address: at the target it has to be the one that "
            "the target's network gives the machine.",
            "Take the address from DHCP.",
        )


def _files(guest: Guest, tells: dict[tuple[str, tuple[str, ...]], Tells]) -> Iterator[str]:
    """Each settings file of which its teller says yes."""
    files = guest.linux
    if files is None:
        return
    count = 0
    for (place, endings), told in tells.items():
        paths = below(files, place, *endings) if endings else iter([place])
        for path in paths:
            text = text_of(files, path, 256 << 10)
            count += bool(text)
            if count > _MOST_FILES:
                return
            if text and told(text) and not _written_anew(files, text):
                yield path


def _written_anew(files: Tree, text: str) -> bool:
    """cloud-init made it, and makes it again for a machine that it has not seen before."""
    return "cloud-init" in text[:1024] and "generated" in text[:1024] and cloud_init.runs(files)


def _netplan_pins(text: str) -> bool:
    return any("macaddress" in _part(one, "match") for one in ethernets(text))


def _netplan_fixes(text: str) -> bool:
    return any(one.get("addresses") for one in ethernets(text))


def _part(said: dict[str, Any], key: str) -> dict[str, Any]:
    found = said.get(key)
    return found if isinstance(found, dict) else {}


def _interfaces_pins(text: str) -> bool:
    return any(re.match(r"hwaddress\s|mac(address)?\s", line) for line in lines(text))


def _interfaces_fixes(text: str) -> bool:
    return any(re.match(r"iface\s+(?!lo\b)\S+\s+inet6?\s+static\b", line) for line in lines(text))


def _ifcfg_pins(text: str) -> bool:
    return _has(text, lambda key, value: key in ("HWADDR", "MACADDR") and bool(value))


def _ifcfg_fixes(text: str) -> bool:
    loopback = _has(text, lambda key, value: key == "DEVICE" and value == "lo")
    return not loopback and _has(text, lambda key, value: key.startswith("IPADDR") and bool(value))


def _keyfile_pins(text: str) -> bool:
    return _has(text, lambda key, value: key == "mac-address" and bool(value))


def _keyfile_fixes(text: str) -> bool:
    return _has(text, lambda key, value: key == "method" and value == "manual")


def _networkd_pins(text: str) -> bool:
    keys = ("MACAddress", "PermanentMACAddress")
    return _in_section(text, "Match", lambda key: key in keys)


def _networkd_fixes(text: str) -> bool:
    return _in_section(text, "Network", lambda key: key == "Address") or _in_section(
        text, "Address", lambda key: key == "Address"
    )


def _udev_pins(text: str) -> bool:
    return any("ATTR{address}==" in line and "NAME=" in line for line in lines(text))


def _has(text: str, wanted: Callable[[str, str], bool]) -> bool:
    return any(wanted(*setting(line)) for line in lines(text) if "=" in line)


def _in_section(text: str, section: str, wanted: Callable[[str], bool]) -> bool:
    here = ""
    for line in lines(text):
        if line.startswith("["):
            here = line.strip("[]")
        elif here == section and wanted(setting(line)[0]):
            return True
    return False


_NETPLAN = ("/etc/netplan", (".yaml", ".yml"))
_INTERFACES = ("/etc/network/interfaces", ())
_INTERFACES_D = ("/etc/network/interfaces.d", ("",))
_IFCFG = ("/etc/sysconfig/network-scripts", ("",))
_KEYFILES = ("/etc/NetworkManager/system-connections", ("",))
_NETWORKD = ("/etc/systemd/network", (".network", ".link"))
_UDEV = ("/etc/udev/rules.d", (".rules",))

_PINS: dict[tuple[str, tuple[str, ...]], Tells] = {
    _NETPLAN: _netplan_pins,
    _INTERFACES: _interfaces_pins,
    _INTERFACES_D: _interfaces_pins,
    _IFCFG: _ifcfg_pins,
    _KEYFILES: _keyfile_pins,
    _NETWORKD: _networkd_pins,
    _UDEV: _udev_pins,
}
_STATIC: dict[tuple[str, tuple[str, ...]], Tells] = {
    _NETPLAN: _netplan_fixes,
    _INTERFACES: _interfaces_fixes,
    _INTERFACES_D: _interfaces_fixes,
    _IFCFG: _ifcfg_fixes,
    _KEYFILES: _keyfile_fixes,
    _NETWORKD: _networkd_fixes,
}
