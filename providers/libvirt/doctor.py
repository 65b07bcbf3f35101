"""Does it all work? Looks at what a migration needs of a host, and removes what it makes."""

from collections.abc import Iterator

from coldferry.errors import BadInput, ColdferryError
from coldferry.plain import size
from coldferry.ports import Check
from providers.libvirt.connection import Host
from providers.libvirt.streams import VolumeReader, VolumeWriter
from providers.libvirt.tags import tag_name
from providers.libvirt.volumes import handle_of, make, pools, remove

_TEST = "doctor"
_BYTES = 1 << 20


def diagnose(host: Host) -> Iterator[Check]:
    """Connection, pools, data path. Raises BadInput where the library is missing."""
    try:
        scope = host.scope
    except BadInput:
        raise
    except ColdferryError as error:
        yield Check("identity", ok=False, what=error.what, do=error.do)
        return
    yield Check("identity", ok=True, what=f"{scope} answers.")
    found = pools(host)
    if not found:
        yield Check("pools", ok=False, what="No pool of folders is active.",
                    do="Define and start one of type dir, fs or netfs.")  # fmt: skip
        return
    room = ", ".join(f"{pool.name} ({size(pool.available_bytes)} left)" for pool in found)
    yield Check("pools", ok=True, what=f"Pools of folders: {room}.")
    yield _data_path(host, found[0].name)


def _data_path(host: Host, pool: str) -> Check:
    name = tag_name(_TEST, "disk", "test")
    try:
        volume = make(host, pool, name, _BYTES)
        try:
            data = bytes(range(256)) * 16
            VolumeWriter(host, volume, sealed=False).write(4096, memoryview(data))
            found = bytearray(len(data))
            VolumeReader(host, volume.path).read_into(4096, memoryview(found))
        finally:
            handle = handle_of(host, pool, name)
            if handle is not None:
                remove(handle)
    except ColdferryError as error:
        return Check("data path", ok=False, what=error.what, do=error.do)
    same = found == data
    return Check("data path", ok=same, what="A volume was written and read back."
                 if same else "What was written to a volume is not what it reads.")  # fmt: skip
