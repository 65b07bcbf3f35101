"""Names that several files here share."""

MARKS_NS = "urn:coldferry:marks"
"""The metadata element of a source machine: its attempt, and its power before the halt."""

MADE_NS = "urn:coldferry:made"
"""The metadata element of a machine that a migration made: whose it is, and as it was left."""

LABELS_NS = "urn:coldferry:labels"
"""The metadata element that holds a machine's tags: libvirt itself knows a title and a text."""

SIZES_NS = "urn:coldferry:sizes"
"""The metadata element by which a document without a hypervisor says how large its disks are."""

OSINFO_NS = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
"""The element by which virt-install and others say what system is in a machine."""

QEMU_NS = "http://libvirt.org/schemas/domain/qemu/1.0"
"""libvirt's own element for arguments that it hands to QEMU unread."""
