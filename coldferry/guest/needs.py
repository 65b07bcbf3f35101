"""What a target needs of a guest, as data: each provider declares its own, with its sources."""

from pydantic import BaseModel, ConfigDict


class GuestNeeds(BaseModel):
    """One cloud's demands on what runs in it.

    Driver names are those of Linux modules, with underscores; those of Windows
    are names of services under ``CurrentControlSet\\Services``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    storage_drivers: tuple[str, ...] = ()
    """All must be in the initramfs or built into the kernel, or the root disk is not found."""
    network_drivers: tuple[str, ...] = ()
    """Any one must be in the initramfs, the modules or the kernel."""
    datasource: str = ""
    """cloud-init's word for this cloud, as in ``datasource_list``."""
    console: str = ""
    """The serial line that this cloud's console shows, as in ``ttyS0``."""
    agents: tuple[str, ...] = ()
    """Names of the packages or services of its agent; any one will do."""
    foreign_agents: tuple[str, ...] = ()
    """What it leaves in a guest that is of no use elsewhere: read of the source, not the target."""
    device_names: str = ""
    """A regular expression of the names of disks that only this cloud gives; empty: none."""
    temporary_mounts: tuple[str, ...] = ()
    """Where its temporary disk is mounted by habit."""
    windows_boot_drivers: tuple[str, ...] = ()
    """Services that Windows must start at boot (start type 0) to find its root disk."""
