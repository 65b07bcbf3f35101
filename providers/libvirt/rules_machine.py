"""The machine itself: name, chipset, CPUs, memory, firmware. A host has no sizes."""

import re
from itertools import count, islice
from typing import Any

from coldferry.choices import said_or
from coldferry.left_behind import tenancy
from coldferry.machine import UNKNOWN, Machine
from coldferry.migration import slug
from coldferry.offered import origin_mark
from coldferry.plain import size
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import Answers
from coldferry.verdicts import BLOCK, dropped, equivalent, exact, impossible, lost, missing
from providers.libvirt.catalogue import Catalogue, Kind, Q
from providers.libvirt.dialect import LIBVIRT

MIB = 1 << 20

_LEGAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def _taken(name: str, machine: Machine, catalogue: Catalogue) -> bool:
    mine = origin_mark(machine)
    return any(one.name == name and one.origin != mine for one in catalogue.machines)


def _name(question: Q) -> Outcome:
    machine = question.machine
    legal = _LEGAL.fullmatch(machine.name) is not None
    name = machine.name if legal else slug(machine.name, 60)
    if _taken(name, machine, question.catalogue):
        numbered = (f"{name[:58]}-{number}" for number in count(2))
        free = (one for one in numbered if not _taken(one, machine, question.catalogue))
        offered = list(islice(free, 2))
        return missing(
            f"There is a machine '{name}' on the host already.",
            [(one, "is not used") for one in offered],
            pattern=f"^{_LEGAL.pattern}$",
            example=offered[0],
            proposal=offered[0],
        )
    if legal:
        return exact("The name is legal and not used.", name)
    return equivalent(
        "The name has what no name of a file may have.", name,
        f"'{machine.name}' becomes '{name}'.",
    )  # fmt: skip


def _accept_name(question: Q, said: Any) -> Outcome:
    name = str(said)
    if _LEGAL.fullmatch(name) is None:
        raise Unfit(f"'{name}' is no name here: letters, digits, '.', '_' and '-', at most 63")
    if _taken(name, question.machine, question.catalogue):
        raise Unfit(f"there is a machine '{name}' on the host already")
    return equivalent("Chosen by a person.", name, f"'{question.value}' becomes '{name}'.")


def kind_for(question: Q) -> Kind | None:
    """What machines of its architecture can have; None while that is not known."""
    said = said_or(question.machine.architecture, question.answers, "architecture")
    return question.catalogue.kind(said)


def family_for(question: Q) -> str:
    """The chipset: the source's own family, else i440FX for BIOS, Q35 for UEFI; "" for none."""
    kind = kind_for(question)
    if kind is None:
        return ""
    own = question.machine.instance_type.partition("/")[0]
    firmware = said_or(question.machine.firmware, question.answers, "firmware")
    wanted = "pc" if firmware == "bios" else "q35"
    return next((one for one in (own, wanted, "virt") if one in kind.families), kind.families[0])


def _size(question: Q) -> Outcome:
    family = family_for(question)
    if not family:
        return equivalent("Follows from architecture.", None)
    return equivalent(
        "A machine here has no size but its own numbers; its chipset is chosen.", family,
        f"{question.value or 'No size'} becomes a machine of type {family}.",
    )  # fmt: skip


def _accept_size(question: Q, said: Any) -> Outcome:
    kind = kind_for(question)
    if kind is None or str(said) not in kind.families:
        raise Unfit(f"'{said}' is none of {', '.join(kind.families) if kind else 'nothing known'}")
    return equivalent("Chosen by a person.", str(said), f"A machine of type {said}.")


def _vcpus(question: Q) -> Outcome:
    most = max((kind.max_vcpus for kind in question.catalogue.kinds), default=0)
    if question.value > most:
        return impossible(
            f"A machine on this host has at most {most} vCPUs.",
            "Take away vCPUs at the source, or choose another host.", consequence=BLOCK,
        )  # fmt: skip
    return exact("As many are given.", question.value)


def _memory(question: Q) -> Outcome:
    target = -(-question.value // MIB) * MIB
    if target > question.catalogue.memory_bytes:
        return impossible(
            f"The host has {size(question.catalogue.memory_bytes)} of memory in all.",
            "Take away memory at the source, or choose another host.", consequence=BLOCK,
        )  # fmt: skip
    if target == question.value:
        return exact("As much is given.", target)
    return equivalent("QEMU counts memory in MiB.", target, f"Rounded up to {size(target)}.")


def _accelerators(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return equivalent("The source could not tell.", 0, "Made without any.")
    if question.value:
        return lost(
            "Devices of the host are not given to machines by a migration.",
            f"{question.value} GPUs or other accelerators are lost: what computes on them stops "
            "working.", target=0,
        )  # fmt: skip
    return exact("It has none.", 0)


def _burstable(question: Q) -> Outcome:
    if question.value is False:
        return exact("CPUs are not throttled.", target=False)
    return equivalent("There are no CPU credits here.", target=False,
                      difference="Its CPUs are not throttled.")  # fmt: skip


def _bare_metal(question: Q) -> Outcome:
    if question.value is True:
        return lost("Machines here are virtual.",
                    "What needs the hardware itself may not work.", target=False)  # fmt: skip
    if question.value is False:
        return exact("A virtual machine.", target=False)
    return equivalent("The source could not tell.", target=False, difference="A virtual machine.")


def _architecture(question: Q) -> Outcome:
    offered = [kind.architecture for kind in question.catalogue.kinds]
    if question.value in offered:
        return exact("The host runs or emulates it.", question.value)
    if question.value != UNKNOWN or not offered:
        return impossible(
            f"The host has no QEMU for {question.value} CPUs.",
            "Install it there (qemu-system-…), then plan again.", consequence=BLOCK,
        )  # fmt: skip
    return missing("The source could not tell the CPU architecture.",
                   [(one, "can be had here") for one in offered])  # fmt: skip


def _accept_architecture(question: Q, said: Any) -> Outcome:
    if question.value != UNKNOWN:
        raise Unfit("the source is sure of it, and it cannot be changed on the way")
    if question.catalogue.kind(said) is None:
        raise Unfit(f"the host has no QEMU for '{said}'")
    return equivalent("Chosen by a person.", said, "The source could not tell.")


def _firmware(question: Q) -> Outcome:
    kind = kind_for(question)
    offered = kind.firmwares if kind else ("bios", "uefi")
    if question.value in offered:
        return exact("Made with the same firmware.", question.value)
    if question.value != UNKNOWN:
        return impossible(
            f"The host has no {question.value.upper()} firmware for this machine.",
            "Install it there (ovmf, seabios), then plan again.", consequence=BLOCK,
        )  # fmt: skip
    return missing(
        "The source could not tell how the disk boots, and the wrong firmware does not boot it.",
        [(one, f"boots by {one.upper()}") for one in offered],
    )


def _accept_firmware(question: Q, said: Any) -> Outcome:
    kind = kind_for(question)
    if question.value != UNKNOWN:
        raise Unfit("the source is sure of it, and it cannot be changed on the way")
    if said not in (kind.firmwares if kind else ("bios", "uefi")):
        raise Unfit(f"'{said}' is no firmware that the host has for this machine")
    return equivalent("Chosen by a person.", said, "The source could not tell.")


def _os_family(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return missing(
            "Linux is given virtio devices, Windows those that it has drivers for.",
            [("linux", "any Linux or Unix"), ("windows", "Microsoft Windows")],
        )
    return exact("Devices are chosen by it.", question.value)


def _accept_os_family(question: Q, said: Any) -> Outcome:
    if question.value != UNKNOWN:
        raise Unfit("the source is sure of it, and it cannot be changed on the way")
    if said not in ("linux", "windows"):
        raise Unfit(f"'{said}' is none of linux, windows")
    return equivalent("Chosen by a person.", said, "The source could not tell.")


def _zone(question: Q) -> Outcome:
    if question.value == "host":
        return exact("A host has no zones.", "host")
    return dropped("A host has no zones.", "What kept it apart from others is not carried.")


def family_of(question: Q) -> str:
    """linux, windows, or unknown while nobody said."""
    answers: Answers = question.answers
    return str(said_or(question.machine.os_family, answers, "os_family"))


_FIRMWARE_MAY = ("exact", "missing", "equivalent", "impossible, block")

RULES: dict[str, Rule[Catalogue]] = {
    "name": LIBVIRT.rule(
        "name", _name, _accept_name, about="names", may=("exact", "equivalent", "missing"),
        says="The name is kept, or made legal; asked for when a machine on the host has it.",
    ),
    "instance_type": LIBVIRT.rule(
        "size", _size, _accept_size, about="machine", may=("equivalent",),
        follows=("architecture", "firmware"),
        says="The chipset is the source's where the host has it, else i440FX for BIOS and Q35 for "
        "UEFI; a person may name another.",
    ),
    "vcpus": LIBVIRT.rule(
        "vcpus", _vcpus, about="cpus", may=("exact", "impossible, block"),
        says="As many vCPUs as at the source; more than the host gives one machine block.",
    ),
    "memory_bytes": LIBVIRT.rule(
        "memory", _memory, about="memory", may=("exact", "equivalent", "impossible, block"),
        says="As much memory, in whole MiB; more than the host has blocks.",
    ),
    "accelerators": LIBVIRT.rule(
        "accelerators", _accelerators, about="cpus",
        may=("exact", "equivalent", "dropped, acknowledge"),
        says="Made without devices of the host; the loss of accelerators must be acknowledged.",
    ),
    "burstable": LIBVIRT.rule(
        "burstable", _burstable, about="cpus", may=("exact", "equivalent"),
        says="CPUs are not throttled.",
    ),
    "bare_metal": LIBVIRT.rule(
        "bare-metal", _bare_metal, about="cpus",
        may=("exact", "equivalent", "dropped, acknowledge"),
        says="A virtual machine; the loss of the hardware itself must be acknowledged.",
    ),
    "architecture": LIBVIRT.rule(
        "architecture", _architecture, _accept_architecture, about="machine", may=_FIRMWARE_MAY,
        says="Kept; asked for where the source could not tell. One that the host has no QEMU for "
        "blocks.",
    ),
    "firmware": LIBVIRT.rule(
        "firmware", _firmware, _accept_firmware, about="machine", may=_FIRMWARE_MAY,
        follows=("architecture",),
        says="Kept; asked for where the source could not tell. Firmware that the host lacks "
        "blocks.",
    ),
    "os_family": LIBVIRT.rule(
        "os-family", _os_family, _accept_os_family, about="disks",
        may=("exact", "missing", "equivalent"),
        says="Devices are chosen by the system's family; asked for where the source could not "
        "tell.",
    ),
    "zone": LIBVIRT.rule(
        "zone", _zone, may=("exact", "dropped"), says="A host has no zones.",
    ),
    "tenancy": LIBVIRT.rule(
        "tenancy", tenancy(("default",)), may=("exact", "equivalent", "dropped, acknowledge"),
        says="Made on a host that others may share; the loss of hardware of its own must be "
        "acknowledged.",
    ),
}  # fmt: skip
