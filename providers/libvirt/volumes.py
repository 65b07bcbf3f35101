"""Storage pools and volumes: found by name or path, and read from their XML.

Page: "Storage pool and volume XML format" (libvirt.org). Only pools that are folders are used
(``dir``, ``fs``, ``netfs``): their volumes are sparse files, and tell when they were last written.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from coldferry.errors import Conflict, Gone
from coldferry.plain import plain
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.xml_text import attribute, parse, text_at

LUKS_DO = "Have its guest encrypt a partition of it, and not the whole disk."

FOLDERS = ("dir", "fs", "netfs")


@dataclass(frozen=True)
class Volume:
    """A volume as a fresh read found it; ``modified`` is when it was last written (seconds).

    ``below`` is the file that it rests on, "" where its pool knows of none. ``luks`` is what its
    pool takes for encrypted, since it begins as LUKS does: ``capacity_bytes`` is then without the
    header, and the daemon copies it only with its key.
    """

    pool: str
    name: str
    path: str
    capacity_bytes: int
    allocation_bytes: int
    format: str
    modified: str
    below: str
    luks: bool
    physical_bytes: int

    @property
    def backed(self) -> bool:
        """It rests on another file."""
        return bool(self.below)


@dataclass(frozen=True)
class Pool:
    """An active pool that is a folder."""

    name: str
    path: str
    available_bytes: int


def pools(host: Host) -> list[Pool]:
    """Those that are active and folders, by name."""
    with speaking("list the pools of", host.scope):
        active = library().VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE
        found = [_pool(one) for one in host.connection().listAllStoragePools(active)]
    return sorted((pool for pool in found if pool is not None), key=lambda pool: pool.name)


def _pool(handle: Any) -> Pool | None:
    document = parse(handle.XMLDesc(0), "pool")
    if document.get("type") not in FOLDERS:
        return None
    free = int(text_at(document, "available", "0"))
    return Pool(handle.name(), text_at(document, "target/path"), free)


def pool_handle(host: Host, name: str) -> Any:
    """Libvirt's object. Raises Gone."""
    with speaking("find the pool", name):
        return host.connection().storagePoolLookupByName(name)


def names(host: Host) -> Iterator[tuple[str, str]]:
    """``(pool, volume)`` of everything in the pools that are folders."""
    for pool in pools(host):
        with speaking("list the volumes of", pool.name):
            for name in sorted(pool_handle(host, pool.name).listVolumes()):
                yield pool.name, name


def every(host: Host) -> Iterator[Volume]:
    """All volumes of the pools that are folders, which are read again; those gone meanwhile not."""
    for pool in pools(host):
        with speaking("list the volumes of", pool.name):
            holder = pool_handle(host, pool.name)
            refresh(holder)
            handles = holder.listAllVolumes(0)
        for handle in handles:
            with suppress(Gone):
                yield look(handle)


def found_of(host: Host, pool: str, name: str) -> Any | None:
    """Libvirt's object, None where the pool knows of none by now."""
    return _found(pool_handle(host, pool).storageVolLookupByName, name)


def handle_of(host: Host, pool: str, name: str) -> Any | None:
    """Libvirt's object, None where there is none; the folder is read again before that is said.

    But for a pool that is busy: where more hangs on it, :func:`providers.libvirt.certain.surely`.
    """
    found = found_of(host, pool, name)
    if found is None:
        refresh(pool_handle(host, pool))
        found = found_of(host, pool, name)
    return found


def handle_at(host: Host, path: str) -> Any | None:
    """The volume whose path that is; None where no active pool has it."""
    found = _found(host.connection().storageVolLookupByPath, path)
    parent = str(PurePosixPath(path).parent)
    around = [] if found else [pool for pool in pools(host) if pool.path == parent]
    if around:
        refresh(pool_handle(host, around[0].name))
        found = _found(host.connection().storageVolLookupByPath, path)
    return found


def _found(look_up: Callable[[str], Any], word: str) -> Any | None:
    """What it answers, None for what libvirt does not know."""
    lib = library()
    try:
        return look_up(word)
    except lib.libvirtError as error:
        if error.get_error_code() == lib.VIR_ERR_NO_STORAGE_VOL:
            return None
        with speaking("find the volume", word):
            raise


def refresh(holder: Any) -> None:
    """Read a pool's folder again; one that is busy is left as it is known."""
    try:
        holder.refresh(0)
    except library().libvirtError:
        return


def at(host: Host, path: str) -> Volume:
    """The volume at a path, read afresh. Raises Gone."""
    found = handle_at(host, path)
    if found is None:
        raise Gone(f"There is no volume {plain(path)} any more.", "See whether it was removed.")
    return look(found)


def look(handle: Any) -> Volume:
    """What the volume's XML says now."""
    with speaking("look at the volume", handle.name()):
        pool = handle.storagePoolLookupByVolume().name()
        document = parse(handle.XMLDesc(0), "volume")
    return Volume(
        pool=pool,
        name=text_at(document, "name"),
        path=text_at(document, "target/path"),
        capacity_bytes=int(text_at(document, "capacity", "0")),
        allocation_bytes=int(text_at(document, "allocation", "0")),
        format=attribute(document, "target/format", "type"),
        modified=text_at(document, "target/timestamps/mtime"),
        below=text_at(document, "backingStore/path"),
        luks=document.find("target/encryption") is not None,
        physical_bytes=int(text_at(document, "physical", "0")),
    )


def volume_xml(name: str, capacity_bytes: int) -> str:
    """A sparse raw volume of that size."""
    volume = ET.Element("volume")
    ET.SubElement(volume, "name").text = name
    ET.SubElement(volume, "capacity", unit="b").text = str(capacity_bytes)
    ET.SubElement(volume, "allocation", unit="b").text = "0"
    ET.SubElement(ET.SubElement(volume, "target"), "format", type="raw")
    return ET.tostring(volume, encoding="unicode")


def make(host: Host, pool: str, name: str, capacity_bytes: int) -> Volume:
    """Make it, sparse; one of that name that is there is taken."""
    found = handle_of(host, pool, name)
    if found is None:
        with speaking("make the volume", name):
            xml = volume_xml(name, capacity_bytes)
            found = pool_handle(host, pool).createXML(xml, 0)
    return look(found)


def make_over(host: Host, under: Volume, form: str, name: str, size_bytes: int) -> Volume:
    """A qcow2 image beside a volume, which shows that one until something is written to it.

    Its size is told, and the format of what is below: nobody guesses them from what a guest wrote
    there.
    """
    volume = ET.Element("volume")
    ET.SubElement(volume, "name").text = name
    ET.SubElement(volume, "capacity", unit="b").text = str(size_bytes)
    ET.SubElement(ET.SubElement(volume, "target"), "format", type="qcow2")
    below = ET.SubElement(volume, "backingStore")
    ET.SubElement(below, "path").text = under.path
    ET.SubElement(below, "format", type=form)
    with speaking("make the image", name):
        holder = pool_handle(host, under.pool)
        return look(holder.createXML(ET.tostring(volume, encoding="unicode"), 0))


def clone(host: Host, source: Any, name: str, format_: str) -> Volume:
    """A raw copy beside it, made by the daemon; shared blocks where its file system can.

    ``VIR_STORAGE_VOL_CREATE_REFLINK`` is refused by file systems that share none. One that was
    left by a call that died is removed first: nobody knows how much of it is there. The daemon
    reads a volume as what its pool takes it for, backing files and all: Conflict is raised where
    that is not ``format_``.
    """
    lib = library()
    holder = source.storagePoolLookupByVolume()
    found = look(source)
    if found.luks:
        raise Conflict(
            f"{plain(found.path)} begins as an encrypted disk does: its pool copies it only with "
            "a key.",
            LUKS_DO,
        )
    if found.format != format_ or found.backed:
        raise Conflict(
            f"{plain(found.path)} is {format_}, and looks like {plain(found.format, 20)} to its "
            "pool, or rests on another file.",
            "See what its guest wrote to it: a guest can make a raw disk look like anything.",
        )
    left = handle_of(host, holder.name(), name)
    if left is not None:
        remove(left)
    xml = volume_xml(name, found.capacity_bytes)
    if format_ == "raw":
        try:
            return look(holder.createXMLFrom(xml, source, lib.VIR_STORAGE_VOL_CREATE_REFLINK))
        except lib.libvirtError:
            left = handle_of(host, holder.name(), name)
            if left is not None:
                remove(left)
    with speaking("copy the volume", source.name()):
        return look(holder.createXMLFrom(xml, source, 0))


def remove(handle: Any) -> str:
    """Delete a volume; what libvirt answered, or that it was gone."""
    lib = library()
    name = handle.name()
    try:
        handle.delete(0)
    except lib.libvirtError as error:
        if error.get_error_code() != lib.VIR_ERR_NO_STORAGE_VOL:
            with speaking("delete the volume", name):
                raise
        return "it was gone"
    return "deleted"
