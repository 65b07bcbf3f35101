"""Domains' XML for tests: a plain one, and whatever a test wants otherwise."""

DISK = """<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='/images/web-01.raw'/><target dev='vda' bus='virtio'/></disk>"""

NIC = """<interface type='network'><mac address='52:54:00:AB:CD:01'/>
<source network='default'/><model type='virtio'/></interface>"""

SIZES = """<c:disks xmlns:c='urn:coldferry:sizes'><c:disk target='vda' bytes='8589934592'/>
<c:disk target='vdb' bytes='1073741824'/><c:disk target='sda' bytes='512'/></c:disks>"""


def a_domain(
    devices: str = DISK + NIC,
    *,
    name: str = "web-01",
    memory: str = "<memory unit='KiB'>4194304</memory>",
    vcpu: str = "<vcpu>2</vcpu>",
    os: str = "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type><boot dev='hd'/></os>",
    metadata: str = SIZES,
    more: str = "",
) -> str:
    """The document, with these parts."""
    return (
        f"<domain type='kvm'><name>{name}</name><metadata>{metadata}</metadata>{memory}{vcpu}{os}"
        f"{more}<devices>{devices}</devices></domain>"
    )


def disk(target: str = "vda", inside: str = "", **changes: str) -> str:
    """A disk element; ``source`` and ``driver`` are whole attributes, ``kind`` its type."""
    kind = changes.get("kind", "file")
    source = changes.get("source", f"file='/images/{target}.raw'")
    driver = changes.get("driver", "type='raw'")
    device = changes.get("device", "disk")
    return (
        f"<disk type='{kind}' device='{device}'><driver name='qemu' {driver}/><source {source}/>"
        f"<target dev='{target}' bus='{changes.get('bus', 'virtio')}'/>{inside}</disk>"
    )
