"""What the script for Windows does about each finding.

Sources: "Prepare a Windows VHD or VHDX to upload to Azure" and "Windows
system services" of Microsoft Learn (start types), "powercfg command-line
options", "Win32_PageFileSetting class". The script was read, and its text is
tested; it has not been run on a Windows machine.
"""

from coldferry.guest.preparing.case import Case, Mend, Step


def boot_drivers(case: Case) -> tuple[Step, ...] | str:
    """All that the target needs: one that starts at boot already is left as it is."""
    return tuple(
        Step("drivers", "Set-BootDriver", (name,)) for name in case.needs.windows_boot_drivers
    )


def page_file(_: Case) -> tuple[Step, ...] | str:
    """Of the system's size on the system's drive."""
    return (Step("paging", "Set-PageFileOnSystemDrive"),)


def no_hibernation(_: Case) -> tuple[Step, ...] | str:
    """A full shutdown has to follow: what is hibernated now stays so until then."""
    return (Step("hibernation", "Disable-Hibernation"),)


def agent_off(case: Case) -> tuple[Step, ...] | str:
    """It stays installed: a rollback starts the machine where it is of use."""
    return (Step("agents", "Disable-Agent", (case.finding.subject,)),)


REMEDIES: dict[str, Mend] = {
    "windows-boot-driver-late": boot_drivers,
    "windows-page-file": page_file,
    "windows-hibernated": no_hibernation,
    "source-agent": agent_off,
}
