"""What the script for Linux does about each finding.

Sources: initramfs-tools(7) and its modules file, dracut.conf(5) (add_drivers);
fstab(5), systemd.mount(5) (nofail, _netdev); netplan's reference (match);
cloud-init's documentation, "Base configuration" (files of cloud.cfg.d are read
in the order of their names); GRUB manual, "Simple configuration".
"""

import re

from coldferry.guest.evidence import Mount
from coldferry.guest.preparing.case import Case, Mend, Step

_DRIVER = re.compile(r"[a-z0-9_]+")
_TELLS_UUID = "the running guest has that device, and tells its UUID"
_SEVERAL_MATCHED = ("/etc/netplan/", "/etc/systemd/network/")


def early_drivers(case: Case) -> tuple[Step, ...] | str:
    """All that the target needs: those that are there already do no harm."""
    drivers = tuple(name for name in case.needs.storage_drivers if _DRIVER.fullmatch(name))
    return (Step("initramfs", "early_drivers", drivers),)


def by_uuid(case: Case) -> tuple[Step, ...] | str:
    """The running guest is asked for the UUID; what the disks said has to agree."""
    if case.finding.subject == "/etc/crypttab":
        return (Step("fstab", "crypttab_uuids", only_if=_TELLS_UUID),)
    swap_off = {
        one.subject for one in case.inspection.findings if one.code == "swap-on-root-disk"
    }  # fmt: skip
    named = [mount for mount in case.mounts(case.finding.subject) if "=" not in mount.source]
    return tuple(
        Step("fstab", "fstab_off", (mount.path, mount.source))
        if mount.kind == "swap" and mount.source in swap_off
        else _fstab_uuid(mount, case.uuid_of(mount))
        for mount in named
    )


def _fstab_uuid(mount: Mount, uuid: str) -> Step:
    words = (mount.path, mount.source, uuid)
    return Step("fstab", "fstab_uuid", words, "" if uuid else _TELLS_UUID)


def nofail(case: Case) -> tuple[Step, ...] | str:
    """The guest starts without it."""
    return _options(case, "nofail")


def late_and_nofail(case: Case) -> tuple[Step, ...] | str:
    """The guest starts without it, and does not wait for the network to try."""
    return _options(case, "nofail,_netdev")


def _options(case: Case, options: str) -> tuple[Step, ...] | str:
    return tuple(
        Step("fstab", "fstab_options", (mount.path, mount.source, options))
        for mount in case.mounts(case.finding.subject)
    )


def no_swap(case: Case) -> tuple[Step, ...] | str:
    """From the next start on: taking swap from a guest that is busy can end it."""
    return tuple(
        Step("fstab", "fstab_off", (mount.path, mount.source))
        for mount in case.inspection.evidence.mounts
        if mount.kind == "swap" and mount.source == case.finding.subject
    )


def unpinned(case: Case) -> tuple[Step, ...] | str:
    """One interface may be matched by any name; of several only a person knows which is which."""
    matched = {
        one.subject
        for one in case.inspection.findings
        if one.code == case.finding.code and one.subject.startswith(_SEVERAL_MATCHED)
        and not one.subject.endswith(".link")
    }  # fmt: skip
    if case.finding.subject in matched and (len(matched) > 1 or len(case.machine.nics) > 1):
        return "Several interfaces are told apart by their MAC addresses."
    return (Step("network", "unpin", (case.finding.subject,)),)


def datasource(case: Case) -> tuple[Step, ...] | str:
    """The source's stays in the list: the guest still runs there."""
    return (Step("cloud_init", "datasource", (case.needs.datasource, case.finding.subject)),)


def console(case: Case) -> tuple[Step, ...] | str:
    """The last console is the one that a start writes to, and the screen's stays."""
    line = f"console=tty0 console={case.needs.console},115200"
    return (Step("boot", "kernel_arguments", (line,)),)


def root_by_uuid(case: Case) -> tuple[Step, ...] | str:
    """Where the boot loader names it."""
    return (Step("boot", "root_by_uuid", (case.root_uuid(),)),)


def agent_off(case: Case) -> tuple[Step, ...] | str:
    """It stays installed: a rollback starts the machine where it is of use."""
    return (Step("agents", "agent_off", (case.finding.subject,)),)


def agent_on(case: Case) -> tuple[Step, ...] | str:
    """Only when it was asked for: installing is a download."""
    if not case.install_agents:
        return f"Install one of {', '.join(case.needs.agents)}, or plan with --install-agents."
    return (Step("agents", "agent_on", case.needs.agents),)


REMEDIES: dict[str, Mend] = {
    "no-storage-driver": early_drivers,
    "fstab-device-name": by_uuid,
    "fstab-no-nofail": nofail,
    "temporary-disk-mount": nofail,
    "network-filesystem-mounted": late_and_nofail,
    "swap-on-root-disk": no_swap,
    "network-pinned-to-mac": unpinned,
    "datasource-pinned": datasource,
    "no-serial-console": console,
    "boot-device-name": root_by_uuid,
    "source-agent": agent_off,
    "no-target-agent": agent_on,
}
