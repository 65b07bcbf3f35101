"""What a target needs of a guest, as data: each provider declares its own, with its sources."""

from pydantic import BaseModel, ConfigDict


class GuestNeeds(BaseModel):
    r"""One cloud's demands on what runs in it, and what it leaves there by habit.

    Driver names are those of Linux modules, with underscores; those of Windows
    are names of services under ``CurrentControlSet\Services``. From
    ``foreign_agents`` on it is read of the cloud that a machine comes from,
    before that of the one that it goes to.
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
    swap_on_root_disk: bool = True
    """Swap may lie on the root disk; False where the vendor advises against it."""
    windows_boot_drivers: tuple[str, ...] = ()
    """Services that Windows must start at boot (start type 0) to find its root disk."""

    foreign_agents: tuple[str, ...] = ()
    """Packages or services that are of use in this cloud only."""
    device_names: str = ""
    """A regular expression of names of disks that only this cloud gives; empty: none."""
    temporary_devices: str = ""
    """A regular expression of names of its temporary disk; empty: none."""
    temporary_mounts: tuple[str, ...] = ()
    """Where its temporary disk is mounted by habit."""
    temporary_settings: dict[str, str] = {}
    """Files whose settings use its temporary disk, and the regular expression of such a line."""
