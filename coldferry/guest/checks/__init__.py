"""What is looked for in a guest: each check is a small function, one line here for each.

A check's id is the code of its findings, whichever of them it yields; some
share a function where one look tells both.
"""

from coldferry.guest.checks import (
    agents,
    booting,
    cloud_init,
    drivers,
    encryption,
    mounts,
    network,
    paging,
    partitioning,
    swapping,
    windows,
)
from coldferry.guest.guest import Check

CHECKS: dict[str, Check] = {
    "no-partition-table": partitioning.no_partition_table,
    "no-bootloader": booting.no_bootloader,
    "firmware-mismatch": booting.firmware_mismatch,
    "boot-device-name": booting.boot_device_name,
    "no-serial-console": booting.no_serial_console,
    "no-storage-driver": drivers.no_storage_driver,
    "no-network-driver": drivers.no_network_driver,
    "encrypted-volume": encryption.encrypted_volume,
    "bitlocker": encryption.bitlocker,
    "unclean-filesystem": partitioning.unclean_filesystem,
    "fstab-device-name": mounts.fstab_device_name,
    "fstab-no-nofail": mounts.fstab_no_nofail,
    "temporary-disk-mount": mounts.temporary_disk_mount,
    "network-filesystem-mounted": mounts.network_filesystem_mounted,
    "swap-on-root-disk": swapping.swap_on_root_disk,
    "network-pinned-to-mac": network.pinned_to_mac,
    "network-static-address": network.static_address,
    "datasource-pinned": cloud_init.datasource_pinned,
    "source-agent": agents.source_agent,
    "no-target-agent": agents.no_target_agent,
    "windows-boot-driver-missing": windows.boot_driver_missing,
    "windows-boot-driver-late": windows.boot_driver_late,
    "windows-page-file": paging.page_file,
    "windows-hibernated": windows.hibernated,
    "windows-licence": windows.licence,
}
