"""Azure's words in the rules that are the same at every target, and the pages they rest on."""

from coldferry.dialect import Dialect

_LEARN = "learn.microsoft.com: "

AZURE = Dialect(
    prefix="azure",
    cloud="Azure",
    vm="VM",
    pages={
        about: _LEARN + title
        for about, title in {
            "names": "Naming rules and restrictions for Azure resources",
            "generation": "Support for Generation 2 VMs on Azure",
            "hostname": "Create a VM from a specialized disk",
            "secure boot": "Trusted Launch for Azure virtual machines",
            "zones": "What are availability zones?",
            "hosts": "Azure dedicated hosts",
            "licence": "Azure Hybrid Benefit",
            "interfaces": "Create, change, or delete a network interface",
            "addresses": "Configure IP addresses for an Azure network interface",
            "reserved addresses": "Azure Virtual Network frequently asked questions",
            "forwarding": "Enable or disable IP forwarding for a network interface",
            "resolvers": "Name resolution for resources in Azure virtual networks",
            "time": "Time sync for Linux VMs in Azure",
            "security groups": "Network security groups",
            "disks": "Introduction to Azure managed disks",
            "disk kinds": "Azure managed disk types",
            "images": "Snapshots of managed disks",
            "upload": "Upload a VHD to Azure or copy a managed disk to another region",
            "shared disks": "Share an Azure managed disk",
            "encryption": "Server-side encryption of Azure Disk Storage",
            "file systems": "NFS file shares in Azure Files",
            "tags": "Use tags to organize your Azure resources",
            "user data": "User Data for Azure Virtual Machine",
            "profile": "Managed identities for Azure resources",
        }.items()
    },
)

WAYS = {
    "secure boot reason": "The VM is made with the standard security type.",
    "secure boot": "it needs Trusted Launch, which boots only what Microsoft's keys have signed.",
    "tpm": "vTPM",
    "licence": "Azure Hybrid Benefit or your own subscription",
    "profile": "a managed identity",
    "key": "a platform-managed key",
}
"""See :func:`coldferry.left_behind.left_behind`."""
