"""What a guest's list of mounts should say of a file system that is not a disk of it.

Sources: fstab(5) and getmntent(3) for its six fields and for what is escaped
in them; systemd.mount(5) for ``nofail`` and ``_netdev``; "Recommended NFS
mount options" of the Amazon EFS user guide; the module "Mounts" of
cloud-init's documentation, which adds lines and neither changes nor escapes
any. Every word here may be a stranger's.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coldferry.guest.evidence import Evidence, Mount
from coldferry.latency import NFS_PORT
from coldferry.machine import UNKNOWN, NetworkFilesystem
from coldferry.placement import Placement
from coldferry.plan import Share

_PORTS = {"cifs": 445, "smb3": 445, "smbfs": 445, "lustre": 988}
_NFS_KINDS = frozenset({"nfs", "nfs4", "efs"})
_NFS_OPTIONS = (
    "nfsvers=4.1", "rsize=1048576", "wsize=1048576", "hard", "timeo=600", "retrans=2",
    "noresvport",
)  # fmt: skip
_NETWORK_KINDS = _NFS_KINDS | _PORTS.keys()
_MOST_TOLD = 8
"""Each is a question: a hostile list must not bury whoever answers; findings name the rest."""

_LATE = ("nofail", "_netdev")
"""The guest starts without it, and does not try before there is a network."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?", re.ASCII)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


@dataclass(frozen=True)
class Advice:
    """What a person does in the guest about one mount of a file system.

    ``line`` is what should stand in its list of mounts, ``instead_of`` what stands there now;
    either is empty where there is none. ``cloud_init`` is the same line for cloud-init, where
    that can add it. ``do`` says it in words, without a stranger's.
    """

    path: str
    do: str
    line: str = ""
    instead_of: str = ""
    cloud_init: str = ""


def advice(share: Share, evidence: Evidence) -> list[Advice]:
    """One for each mount that the guest has of it; one for none, where none was seen."""
    mounts: list[Mount | None] = [m for m in evidence.mounts if is_of(m, share.filesystem)]
    if share.placement == Placement.REMOTE:
        return [_remote(share, mount) for mount in mounts or [None]]
    if share.placement == Placement.REMOVE:
        return [_removed(mount) for mount in mounts or [None]]
    return [_late(mount) for mount in mounts or [None]]


def is_of(mount: Mount, share: NetworkFilesystem) -> bool:
    """The guest's line names that file system, by its id or by its address."""
    if is_source(share.id):
        return mount.source == share.id
    host = _host(mount.source)
    names = {name.lower() for name in (share.id, share.address) if name not in (UNKNOWN, "")}
    return any(host == name or host.startswith(f"{name}.") for name in names)


def is_source(name: str) -> bool:
    """``10.0.0.5:/export`` or ``//nas/share``: as a guest names a file system of the network."""
    return ":/" in name or name.startswith("//")


def told_by_guest(
    known: Sequence[NetworkFilesystem], evidence: Evidence
) -> list[NetworkFilesystem]:
    """What only the guest's list of mounts tells of; a few, however long a list it has."""
    found: dict[str, NetworkFilesystem] = {}
    for mount in evidence.mounts:
        host = _host(mount.source)
        other = mount.kind not in _NETWORK_KINDS or "noauto" in mount.options or not host
        if other or any(is_of(mount, share) for share in known):
            continue
        reached = _HOST.fullmatch(host) and (mount.kind != "efs" or "." in host)
        found[mount.source] = NetworkFilesystem(
            id=mount.source,
            kind=mount.kind,
            address=host if reached else UNKNOWN,
            mounted=True,
        )
    return list(found.values())[:_MOST_TOLD]


def _host(source: str) -> str:
    if source.startswith("//"):
        return source[2:].partition("/")[0].lower()
    return source.rpartition(":/")[0].strip("[]").lower()


def port_of(share: Share, mount: Mount | None = None) -> int:
    """The port that its protocol uses; that of NFS where the protocol is not known.

    Sources: IANA's service names (nfs, microsoft-ds); lnet(8) for Lustre.
    """
    kind = mount.kind if mount else share.filesystem.kind
    return _PORTS.get(kind, NFS_PORT)


def port_seen(share: Share, evidence: Evidence) -> int:
    """What a person named, else the port of the protocol that the guest mounts it by."""
    return share.port or port_of(share, _first(share, evidence))


def asks_nfs(share: Share, evidence: Evidence) -> bool:
    """Whether it is known to speak NFS."""
    mount = _first(share, evidence)
    return (mount.kind if mount else share.filesystem.kind) in _NFS_KINDS


def fstab_line(fields: Iterable[str]) -> str:
    """Six fields as one line; what would end a field or the line is written as octal numbers."""
    return " ".join(map(_field, fields))


def cloud_init(fields: Iterable[str]) -> str:
    """The same for cloud-init, which writes the fields into the list as they are."""
    listed = json.dumps([_field(one) for one in fields], ensure_ascii=False)  # JSON is YAML
    return f"#cloud-config\nmounts:\n  - {listed}"


def _first(share: Share, evidence: Evidence) -> Mount | None:
    return next((mount for mount in evidence.mounts if is_of(mount, share.filesystem)), None)


def _remote(share: Share, mount: Mount | None) -> Advice:
    address = share.address
    if _HOST.fullmatch(address) is None:
        return Advice(_path(mount), "Its address is none that can be mounted from.")
    kind = mount.kind if mount else share.filesystem.kind
    if kind not in _NFS_KINDS and mount is None:
        return Advice(
            "", "How it is mounted is not known: mount it by its address, with nofail and _netdev."
        )
    plain_nfs = kind in _NFS_KINDS
    options = list(_NFS_OPTIONS) if plain_nfs else _without(mount.options if mount else ())
    if share.port not in (None, port_of(share, mount)):
        options.append(f"port={share.port}")
    fields = (
        _at(address, mount),
        mount.path if mount else f"/mnt/{share.filesystem.id}",
        "nfs4" if plain_nfs else kind,
        ",".join([*options, *_LATE]),
        "0",
        "0",
    )
    now, line = _now(mount), fstab_line(fields)
    do = "Write this line into /etc/fstab" + (" in place of the one below." if now else ".")
    if mount is not None and "tls" in mount.options:
        do += " The guest mounts it encrypted now; this mount is not: let a VPN carry it."
    if mount is None:
        do += " Where the guest mounts it was not seen: put its own path there."
    return Advice(_path(mount), do, line, now, cloud_init(fields))


def _removed(mount: Mount | None) -> Advice:
    if mount is None:
        return Advice("", "Take its line out of /etc/fstab, where there is one.")
    return Advice(mount.path, "Take this line out of /etc/fstab.", instead_of=_now(mount))


def _late(mount: Mount | None) -> Advice:
    if mount is None:
        return Advice("", "Where /etc/fstab mounts it, add nofail and _netdev to its options.")
    if "noauto" in mount.options or "nofail" in mount.options:
        return Advice(mount.path, "The guest starts without it as it is.")
    options = ",".join([*_without(mount.options), *_LATE])
    line = fstab_line((mount.source, mount.path, mount.kind, options, "0", "0"))
    return Advice(
        mount.path, "Write this line into /etc/fstab in place of the one below.", line, _now(mount)
    )


def _without(options: Iterable[str]) -> list[str]:
    """The options without those that are added anyhow."""
    return [option for option in options if option not in (*_LATE, "defaults", "")]


def _at(address: str, mount: Mount | None) -> str:
    """``10.0.0.5:/export``, with the export that the guest has mounted now."""
    host = f"[{address}]" if ":" in address else address
    source = mount.source if mount else ""
    if source.startswith("//"):
        return f"//{host}/{source[2:].partition('/')[2]}"
    return f"{host}:/{source.rpartition(':/')[2] if ':/' in source else ''}"


def _now(mount: Mount | None) -> str:
    if mount is None:
        return ""
    options = ",".join(mount.options) or "defaults"
    return fstab_line((mount.source, mount.path, mount.kind, options))


def _path(mount: Mount | None) -> str:
    return mount.path if mount else ""


def _field(text: str) -> str:
    kept = "".join(
        "".join(f"\\{byte:03o}" for byte in c.encode("utf-8", "surrogatepass"))
        if c == "\\" or unicodedata.category(c) in _UNSEEN
        else c
        for c in text
    )
    if not kept:
        return "none"
    return f"\\043{kept[1:]}" if kept.startswith("#") else kept
