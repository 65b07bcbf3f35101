"""What the guest mounts at its start.

Sources: fstab(5), systemd.mount(5): without ``nofail`` a file system that
does not appear stops the boot.
"""

import re
from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.evidence import Mount
from coldferry.guest.guest import Guest
from coldferry.guest.naming import DEVICE_NAME, place_named
from coldferry.guest.text import lines, text_of

FSTAB, CRYPTTAB = "/etc/fstab", "/etc/crypttab"

NETWORK_KINDS = frozenset({"nfs", "nfs4", "efs", "cifs", "smb3", "smbfs", "ceph", "glusterfs"})
_NO_DISK = frozenset({"proc", "sysfs", "tmpfs", "devpts", "devtmpfs", "cgroup", "debugfs", "none"})
_OF_CLOUD_INIT = "comment=cloudconfig"
"""What cloud-init writes beside its own mounts, which are of temporary disks unless told so."""


def fstab_device_name(guest: Guest) -> Iterator[Finding]:
    """Disks are named anew at another cloud."""
    for mount in guest.evidence.mounts:
        if _temporary(guest, mount) or not _by_device_name(guest, mount.source):
            continue
        yield Finding(
            "warn",
            "fstab-device-name",
            mount.path,
            f"{mount.path} is mounted from {mount.source}: disks have other names at another "
            "cloud.",
            f"Name it by its UUID{_uuid(guest, mount.source)} in {FSTAB}.",
        )
    for line in lines(text_of(guest.linux, CRYPTTAB)) if guest.linux else ():
        words = line.split()
        if len(words) > 1 and _by_device_name(guest, words[1]):
            yield Finding(
                "warn",
                "fstab-device-name",
                CRYPTTAB,
                f"{words[0][:64]} is opened from {words[1][:128]}: disks have other names at "
                "another cloud.",
                f"Name it by its UUID{_uuid(guest, words[1])} in {CRYPTTAB}.",
            )


def fstab_no_nofail(guest: Guest) -> Iterator[Finding]:
    """A data disk that is late or missing keeps the whole guest from starting."""
    if guest.system is None:
        return
    for mount in guest.evidence.mounts:
        of_no_disk = mount.kind in _NO_DISK | NETWORK_KINDS | {"swap"} or "bind" in mount.options
        if of_no_disk or {"nofail", "noauto"} & set(mount.options) or mount.path == "/":
            continue
        if _temporary(guest, mount) or not _names_a_disk(mount.source):
            continue
        place = place_named(mount.source, guest.places, guest.system.root)
        if place is not None and guest.on_root_disk(place):
            continue
        yield Finding(
            "inform" if place is not None else "warn",
            "fstab-no-nofail",
            mount.path,
            f"{mount.path} is mounted from {mount.source}, "
            f"{'another disk' if place is not None else 'which is on none of the disks'}, without "
            "nofail: the guest does not start where that disk is missing.",
            f"Add nofail to the options of {mount.path} in {FSTAB}.",
        )


def temporary_disk_mount(guest: Guest) -> Iterator[Finding]:
    """A disk that stays behind by its nature."""
    for mount in guest.evidence.mounts:
        if _temporary(guest, mount):
            late = {"nofail", "noauto"} & set(mount.options)
            yield Finding(
                "inform" if late else "warn",
                "temporary-disk-mount",
                mount.path,
                f"{mount.path} is mounted from {mount.source}, a temporary disk of the source: it "
                "is not moved, and what was on it is gone.",
                "Point what uses it elsewhere"
                + ("." if late else f", and add nofail to the options of {mount.path} in {FSTAB}."),
            )
    for path, pattern in guest.left.temporary_settings.items():
        text = text_of(guest.linux, path) if guest.linux else ""
        said = next((line for line in lines(text) if re.match(pattern, line)), None)
        if said:
            yield Finding(
                "warn",
                "temporary-disk-mount",
                path,
                f"{path} says {said[:128]}: it prepares a temporary disk of the source, which is "
                "not moved.",
                f"Switch it off in {path}, and point what uses that disk elsewhere.",
            )


def network_filesystem_mounted(guest: Guest) -> Iterator[Finding]:
    """It stays where it is, and must be reached from the target's network."""
    for mount in guest.evidence.mounts:
        if mount.kind in NETWORK_KINDS:
            late = {"nofail", "_netdev", "noauto"} & set(mount.options)
            yield Finding(
                "inform" if late else "warn",
                "network-filesystem-mounted",
                mount.path,
                f"{mount.path} is mounted over the network from {mount.source} ({mount.kind}): it "
                "is not moved.",
                "See that it is reached from the target's network, or copy what is on it"
                + ("." if late else "; add nofail,_netdev to its options."),
            )


def _temporary(guest: Guest, mount: Mount) -> bool:
    if mount.kind == "swap" or mount.kind in NETWORK_KINDS:
        return False
    pattern = guest.left.temporary_devices
    if pattern and re.fullmatch(pattern, mount.source):
        return True
    if _OF_CLOUD_INIT in mount.options and _by_device_name(guest, mount.source):
        return True
    if mount.path in guest.left.temporary_mounts and _by_device_name(guest, mount.source):
        return True
    return mount.source in [disk.device for disk in guest.machine.ephemeral_disks]


def _by_device_name(guest: Guest, source: str) -> bool:
    if DEVICE_NAME.fullmatch(source):
        return True
    return bool(guest.left.device_names) and bool(re.fullmatch(guest.left.device_names, source))


def _names_a_disk(source: str) -> bool:
    return source.startswith("/dev/") or source.partition("=")[0] in {
        "UUID", "LABEL", "PARTUUID", "PARTLABEL",
    }  # fmt: skip


def _uuid(guest: Guest, source: str) -> str:
    """The UUID to write, where it is known."""
    if guest.system is None:
        return ""
    place = place_named(source, guest.places, guest.system.root)
    return f" ({place.identity.uuid})" if place is not None and place.identity.uuid else ""
