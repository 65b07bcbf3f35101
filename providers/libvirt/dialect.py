"""libvirt's words in the rules that are the same at every target, and the pages they rest on."""

from coldferry.dialect import Dialect

_SITE = "libvirt.org: "

LIBVIRT = Dialect(
    prefix="libvirt",
    cloud="libvirt",
    vm="machine",
    pages={
        about: _SITE + title
        for about, title in {
            "names": "Domain XML format, general metadata",
            "machine": "Domain XML format, operating system booting",
            "cpus": "Domain XML format, CPU allocation; Domain capabilities XML format",
            "memory": "Domain XML format, memory allocation",
            "hostname": "Domain XML format, general metadata",
            "secure boot": "Domain XML format, BIOS bootloader",
            "licence": "Domain XML format",
            "profile": "Domain XML format",
            "interfaces": "Domain XML format, network interfaces",
            "addresses": "Network XML format, addressing",
            "forwarding": "Network Filters",
            "resolvers": "Network XML format, addressing",
            "time": "Domain XML format, time keeping",
            "security groups": "Network Filters",
            "disks": "Domain XML format, hard drives",
            "pools": "Storage pool and volume XML format",
            "shared disks": "Domain XML format, hard drives",
            "encryption": "Storage volume encryption XML format",
            "file systems": "Domain XML format, filesystems",
            "tags": "Domain XML format, general metadata",
            "user data": "Domain XML format, SMBIOS system information",
        }.items()
    },
)

WAYS = {
    "secure boot reason": "The machine is made with firmware that enrols no keys.",
    "secure boot": "turn it on after the move, with firmware that has the keys you trust.",
    "tpm": "TPM",
    "licence": "your own subscription or volume licence",
    "profile": "credentials of its own",
    "key": "nothing",
}
"""See :func:`coldferry.left_behind.left_behind`."""
