"""What Azure needs of a guest, and what it leaves in one.

Sources: "Prepare Linux for imaging" (create-upload-generic: hv_vmbus,
hv_storvsc and hv_netvsc in the initramfs, console=ttyS0, no swap on the OS
disk); "Troubleshoot Linux VM boot and network issues due to Hyper-V driver
errors" (SupportArticles); "Azure Linux VM Agent" (ResourceDisk.*, the
temporary disk at /mnt or /mnt/resource); cloud-init's datasource "Azure",
which mounts the temporary disk by a link of its own; "Azure Virtual Machine
Agent overview" (its services in Windows).
"""

from coldferry.guest.needs import GuestNeeds

GUEST = GuestNeeds(
    storage_drivers=("hv_vmbus", "hv_storvsc"),
    network_drivers=("hv_netvsc",),
    datasource="Azure",
    console="ttyS0",
    # cloud-init provisions as the agent does; extensions need the agent.
    agents=("walinuxagent", "waagent", "cloud-init"),
    swap_on_root_disk=False,
    windows_boot_drivers=("vmbus", "storvsc"),
    foreign_agents=(
        "RdAgent",
        "WindowsAzureGuestAgent",
        "walinuxagent",
        "waagent",
        "hv-kvp-daemon",
        "azsec-monitor",
    ),
    device_names=r"/dev/disk/azure/\S+",
    temporary_devices=r"/dev/disk/(?:cloud/azure_resource|azure/resource)\S*",
    temporary_mounts=("/mnt/resource",),
    temporary_settings={
        "/etc/waagent.conf": r"ResourceDisk\.(?:Format|EnableSwap)\s*=\s*y",
    },
)
