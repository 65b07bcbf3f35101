"""What QEMU's paravirtual devices need of a guest, and what a libvirt host leaves in one.

Sources: "Domain XML format" (virtio buses, serial consoles), cloud-init's datasource "NoCloud",
the QEMU guest agent's page. Windows has no virtio drivers of its own: it is given SATA or IDE disks
and an e1000e or e1000 interface, whose drivers are in it.
"""

from coldferry.guest.needs import GuestNeeds

GUEST = GuestNeeds(
    storage_drivers=("virtio_pci", "virtio_blk"),
    network_drivers=("virtio_net",),
    datasource="NoCloud",
    console="ttyS0",
    agents=("qemu-guest-agent", "cloud-init"),
    foreign_agents=("qemu-guest-agent", "qemu-ga", "spice-vdagent"),
    device_names=r"/dev/disk/by-id/virtio-\S+",
)
