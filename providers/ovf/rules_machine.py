"""The machine itself: name, hardware, firmware, system.

What disks and interfaces hang on decides whether the guest finds them, and a description does
not say what drivers the guest has: so a person says, once for the machine.
"""

import re
from itertools import count, islice
from typing import Any

from coldferry.carried import nothing
from coldferry.choices import CHOICE, choice, said_or
from coldferry.machine import UNKNOWN
from coldferry.migration import slug
from coldferry.placement import DISK, kept
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.verdicts import BLOCK, equivalent, exact, impossible, lost, missing, same_or
from providers.ovf.catalogue import HARDWARE, MAX_NICS, MOST_DISKS, PROFILES, Catalogue, Profile, Q
from providers.ovf.words import OVF

MIB = 1 << 20
_LEGAL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_PACKAGE = re.compile(r"\.(?:ova|ovf|mf|cert|vmdk)$", re.IGNORECASE)


def _is_legal(name: str) -> bool:
    return _LEGAL.fullmatch(name) is not None and _PACKAGE.search(name) is None


def _name(question: Q) -> Outcome:
    machine, catalogue = question.machine, question.catalogue
    legal = _is_legal(machine.name)
    name = machine.name if legal else slug(machine.name, 60)
    if catalogue.is_taken(name, machine):
        numbered = (f"{name[:56].rstrip('.-_')}-{n}" for n in count(2))
        free = list(islice((n for n in numbered if not catalogue.is_taken(n, machine)), 2))
        return missing(
            f"There is a package '{name}' in the folder already.",
            [(n, "is not used") for n in free],
            pattern=f"^{_LEGAL.pattern}$", example=free[0], proposal=free[0],
        )  # fmt: skip
    if legal:
        return exact("The name is legal and not used.", name)
    return equivalent(
        "The name is one of files, too: letters, digits, '.', '_' and '-'.", name,
        f"'{machine.name}' becomes '{name}'.",
    )  # fmt: skip


def _accept_name(question: Q, said: Any) -> Outcome:
    name = str(said)
    if not _is_legal(name):
        raise Unfit(
            f"'{name}' is no name of a package: letters, digits, '.', '_' and '-', at most 64, "
            "without the ending of a file"
        )
    if question.catalogue.is_taken(name, question.machine):
        raise Unfit(f"there is a package '{name}' in the folder already")
    return equivalent("Chosen by a person.", name, f"'{question.value}' becomes '{name}'.")


def _has_room(profile: Profile, question: Q) -> bool:
    return len(kept(question.machine, question.answers)) <= profile.most_disks


def chosen(question: Q) -> Profile | None:
    """The hardware that a person chose, or that the source has; None while it is open."""
    said = question.answers.get("instance_type", ACKNOWLEDGED)
    return PROFILES.get(str(question.machine.instance_type if said == ACKNOWLEDGED else said))


def _hardware(question: Q) -> Outcome:
    offered = [profile for profile in PROFILES.values() if _has_room(profile, question)]
    if len(question.machine.nics) > MAX_NICS or not offered:
        return impossible(
            f"A machine of {HARDWARE} has {MAX_NICS} interfaces and {MOST_DISKS} disks at most.",
            f"This one has {len(question.machine.nics)} and {len(question.machine.disks)}: take "
            "some off at the source, or leave disks behind.",
            consequence=BLOCK,
        )
    if PROFILES.get(question.value) in offered:
        return exact("The same hardware is written.", question.value)
    family = said_or(question.machine.os_family, question.answers, "os_family")
    first = "lsi-sas" if family == "windows" else "paravirtual"
    ordered = sorted(offered, key=lambda profile: profile.name != first)
    return missing(
        f"The hardware family is {HARDWARE}. Which controllers and interfaces the guest has "
        "drivers for cannot be told from its description.",
        [(profile.name, profile.needs) for profile in ordered],
    )


def _accept_hardware(question: Q, said: Any) -> Outcome:
    profile = PROFILES.get(str(said))
    if profile is None:
        raise Unfit(f"'{said}' is none of {', '.join(PROFILES)}")
    if not _has_room(profile, question):
        raise Unfit(f"{profile.name} takes {profile.most_disks} disks")
    return equivalent(
        "Chosen by a person.", profile.name,
        f"{question.value} -> {profile.name}: {profile.needs}.",
    )  # fmt: skip


def _memory(question: Q) -> Outcome:
    whole = -(-question.value // MIB) * MIB
    return same_or(
        question, whole, "Written in whole MiB.",
        f"{whole - question.value} bytes more: memory is written in whole MiB.",
    )  # fmt: skip


def _accelerators(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return equivalent("The source could not tell.", 0, "None is written.")
    if not question.value:
        return exact("It has none.", 0)
    return lost(
        "A package names no GPUs.",
        f"{question.value} GPUs or other accelerators are lost: give the deployed machine some.",
        target=0,
    )


def _plain(reason: str, difference: str) -> Any:
    def decide(question: Q) -> Outcome:
        if question.value is False:
            return exact(reason, target=False)
        return equivalent(reason, target=False, difference=difference)

    return decide


def _architecture(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return missing(
            "The source could not tell the CPU architecture.",
            [("x86_64", f"Intel or AMD: what {HARDWARE} is")],
        )
    if question.value == "x86_64":
        return exact(f"{HARDWARE} is Intel or AMD.", question.value)
    return impossible(
        f"{HARDWARE} is Intel or AMD.", "A machine with ARM CPUs needs another target.",
        consequence=BLOCK,
    )  # fmt: skip


def _accept_architecture(question: Q, said: Any) -> Outcome:
    if question.value != UNKNOWN or said != "x86_64":
        raise Unfit(f"{HARDWARE} is x86_64 only")
    return equivalent("Chosen by a person.", said, "The source could not tell.")


_firmware = choice(
    "Written as vmw:Config firmware.",
    {"bios": "firmware bios", "uefi": "firmware efi"},
    "The source could not tell how the disk boots, and the wrong firmware does not boot.",
)
_os_family = choice(
    "Written as the operating system's family.",
    {"linux": "any Linux or Unix", "windows": "Microsoft Windows"},
    "Importers choose drivers and settings by the family of the guest's system.",
)


def _secure_boot(question: Q) -> Outcome:
    if question.value is True:
        return equivalent(
            "Written as vmw:Config bootOptions.efiSecureBootEnabled.", target=True,
            difference="vSphere turns it on; importers that do not know it boot without.",
        )  # fmt: skip
    if question.value == UNKNOWN:
        return equivalent(
            "The source could not tell.", target=False, difference="Written without Secure Boot."
        )
    return exact("Written without Secure Boot.", target=False)


def _root_image(_question: Q) -> Outcome:
    return impossible(
        "The root is made anew from an image at each start, and a package has only disks.",
        "Put the root on a disk at the source, or choose another target.",
        consequence=BLOCK,
    )


RULES: dict[str, Rule[Catalogue]] = {
    "name": OVF.rule(
        "name", _name, _accept_name, about="names", may=("exact", "equivalent", "missing"),
        says="The machine's name is its package's: letters, digits, '.', '_' and '-'. One that "
        "is taken in the folder is asked about.",
    ),
    "instance_type": OVF.rule(
        "hardware", _hardware, _accept_hardware, about="controllers", follows=("os_family", DISK),
        may=("exact", "equivalent", "missing", "impossible, block"),
        says=f"Every package is of the family {HARDWARE}. Which controllers and interfaces it "
        "has is a person's decision: the guest must have their drivers. More than "
        f"{MAX_NICS} interfaces or {MOST_DISKS} disks block the migration.",
    ),
    "vcpus": OVF.rule(
        "vcpus", lambda question: exact("Written as it is.", question.value), about="hardware",
        may=("exact",), says="The number of virtual CPUs is written as it is.",
    ),
    "memory_bytes": OVF.rule(
        "memory", _memory, about="hardware", may=("exact", "equivalent"),
        says="Memory is written in whole MiB: importers read no other unit alike.",
    ),
    "accelerators": OVF.rule(
        "accelerators", _accelerators, about="hardware",
        may=("exact", "equivalent", "dropped, acknowledge"),
        says="A package names no GPUs: their loss must be acknowledged.",
    ),
    "burstable": OVF.rule(
        "burstable", _plain("CPU credits are a cloud's.", "It has all of its CPU all the time."),
        about="hardware", may=("exact", "equivalent"), says="A package knows no CPU credits.",
    ),
    "bare_metal": OVF.rule(
        "bare-metal", _plain("A package is of a virtual machine.", "It becomes a virtual one."),
        about="hardware", may=("exact", "equivalent"),
        says="A package is of a virtual machine.",
    ),
    "architecture": OVF.rule(
        "architecture", _architecture, _accept_architecture, about="hardware",
        may=("exact", "equivalent", "missing", "impossible, block"),
        says=f"{HARDWARE} is Intel or AMD; a machine with ARM CPUs is blocked.",
    ),
    "firmware": OVF.rule(
        "firmware", *_firmware, about="firmware", may=CHOICE,
        says="BIOS and UEFI are kept; asked for where the source could not tell.",
    ),
    "secure_boot": OVF.rule(
        "secure-boot", _secure_boot, about="secure boot", may=("exact", "equivalent"),
        says="Secure Boot is written as a setting that vSphere knows.",
    ),
    "os_family": OVF.rule(
        "os-family", *_os_family, about="system", may=CHOICE,
        says="The system's family is written; asked for where the source could not tell.",
    ),
    "root_image.image": OVF.rule(
        "root-image", _root_image, about="disks", may=("impossible, block",),
        says="A root that is not persistent cannot be in a package.",
    ),
    "root_image": OVF.rule(
        "root-image.part", nothing, may=("exact",),
        says="A machine with a persistent root needs no image.",
    ),
}  # fmt: skip

DEVICES_FOLLOW = ("instance_type", DISK)
