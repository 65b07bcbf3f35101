"""The machine itself: name, firmware, architecture, place.

Pages: "Instance launch behavior with Amazon EC2 boot modes", "Tag your Amazon EC2
resources" (a name is the tag Name), "Subnets for your VPC" (a subnet is in one zone).
"""

from coldferry.addresses import SUBNET, subnet_for
from coldferry.choices import CHOICE, choice
from coldferry.left_behind import tenancy
from coldferry.rules import Outcome, Rule
from coldferry.verdicts import equivalent, same_or
from providers.aws.catalogue import Catalogue, Q
from providers.aws.rules_labels import LIMITS
from providers.aws.words import AWS

_REMOVABLE = (
    "EC2 starts it with empty firmware variables: its disk must have the removable path "
    "\\EFI\\BOOT\\BOOTX64.EFI (BOOTAA64.EFI on ARM)."
)


def written_name(name: str) -> str:
    """The machine's name as the value of the tag Name."""
    return LIMITS.value(name)


def _name(question: Q) -> Outcome:
    name = written_name(question.value)
    return same_or(
        question, name, "The tag Name takes any text, and need not be the only one.",
        f"Cut from {len(question.value)} characters, or illegal ones replaced.",
    )  # fmt: skip


_architecture = choice(
    "Instance types of the same CPU architecture are chosen.",
    {"x86_64": "Intel or AMD", "arm64": "Graviton"},
    "The source could not tell the CPU architecture.",
)
_os_family = choice(
    "The guest's system is on the disk.",
    {"linux": "any Linux or Unix", "windows": "Microsoft Windows"},
    "Drivers, agents and licences depend on the family of the guest's system.",
)
_decide_firmware, _accept_firmware = choice(
    "The image is registered with the boot mode legacy-bios.",
    {"bios": "boot mode legacy-bios", "uefi": "boot mode uefi"},
    "The source could not tell how the disk boots, and a wrong boot mode does not boot.",
)


def _firmware(question: Q) -> Outcome:
    if question.value == "uefi":
        return equivalent("The image is registered with the boot mode uefi.", "uefi", _REMOVABLE)
    return _decide_firmware(question)


def _zone(question: Q) -> Outcome:
    subnet = subnet_for(0, question.catalogue, question.answers)
    if subnet is None:
        return equivalent("Follows from nics[0].subnet_id.", None)
    return same_or(
        question, subnet.zone, "A subnet is in one zone.",
        f"{question.value} becomes {subnet.zone}, where {subnet.short} is.",
    )  # fmt: skip


RULES: dict[str, Rule[Catalogue]] = {
    "name": AWS.rule(
        "name", _name, about="names", may=("exact", "equivalent"),
        says=f"The name becomes the tag Name: any text of up to {LIMITS.value_chars} characters.",
    ),
    "architecture": AWS.rule(
        "architecture", *_architecture, about="types", may=CHOICE,
        says="The CPU architecture is kept; asked for where the source could not tell.",
    ),
    "firmware": AWS.rule(
        "firmware", _firmware, _accept_firmware, about="boot modes", may=CHOICE,
        says="BIOS and UEFI are kept; UEFI boots from the removable path only, because EC2 keeps "
        "no boot entries; asked for where the source could not tell.",
    ),
    "os_family": AWS.rule(
        "os-family", *_os_family, about="windows", may=CHOICE,
        says="The guest's system is on the disk; its family is asked for where the source could "
        "not tell.",
    ),
    "zone": AWS.rule(
        "zone", _zone, about="zones", may=("exact", "equivalent"), follows=(SUBNET,),
        instead="Answer nics[0].subnet_id.",
        says="The zone is that of the primary interface's subnet.",
    ),
    "tenancy": AWS.rule(
        "tenancy", tenancy(("default", "dedicated")), about="hosts",
        may=("exact", "equivalent", "dropped, acknowledge"),
        says="Shared hardware and Dedicated Instances are kept; the loss of a host of its own "
        "must be acknowledged.",
    ),
}  # fmt: skip
