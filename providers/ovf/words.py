"""This target's words in the rules that are the same at every target, and what they rest on."""

from coldferry.dialect import Dialect

_SPEC = "DMTF DSP0243 1.1.0, Open Virtualization Format: "
_VMWARE = "VMware: "

OVF = Dialect(
    prefix="ovf",
    cloud="the folder",
    vm="package",
    pages={
        "names": _SPEC + "OVF package structure",
        "hostname": _SPEC + "ProductSection",
        "hardware": _SPEC + "Virtual hardware description",
        "controllers": _VMWARE + "vSphere Virtual Machine Administration, SCSI and SATA Storage "
        "Controller Conditions, Limitations, and Compatibility",
        "adapters": _VMWARE + "vSphere Virtual Machine Administration, Network Adapter Basics",
        "firmware": _VMWARE + "vSphere Web Services API, VirtualMachineConfigInfo.firmware",
        "secure boot": _VMWARE + "vSphere Web Services API, VirtualMachineBootOptions",
        "system": _SPEC + "OperatingSystemSection",
        "interfaces": _SPEC + "Virtual hardware elements",
        "networks": _SPEC + "NetworkSection",
        "addresses": _SPEC + "NetworkSection",
        "forwarding": _SPEC + "NetworkSection",
        "security groups": _SPEC + "NetworkSection",
        "section": _SPEC + "Extensibility",
        "disks": _SPEC + "DiskSection",
        "shared disks": _SPEC + "DiskSection",
        "file systems": _SPEC + "DiskSection",
        "disk size": _VMWARE + "Virtual Disk Format 5.0; vSphere 6.5 Configuration Maximums",
        "encryption": _VMWARE + "Virtual Disk Format 5.0",
        "licence": _SPEC + "EulaSection",
        "profile": _SPEC + "ProductSection",
        "user data": _SPEC + "ProductSection",
    },
)

WAYS = {
    "secure boot reason": "Nothing in a package makes an importer turn it on.",
    "secure boot": "whoever deploys the package decides.",
    "tpm": "TPM",
    "licence": "from its vendor",
    "profile": "rights of its own where it is deployed",
    "key": "no key at all",
}
"""See :func:`coldferry.left_behind.left_behind`."""
