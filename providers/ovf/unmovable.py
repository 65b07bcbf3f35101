"""What stands against moving a package's machine, and what a person should know of it."""

from collections.abc import Iterator

from coldferry.errors import ColdferryError, Finding
from providers.ovf.digests import remarks
from providers.ovf.disks import opened
from providers.ovf.extension import UNREADABLE
from providers.ovf.hardware import Kind
from providers.ovf.machine_disks import PackagedDisk
from providers.ovf.selected import Selected


def look(selected: Selected, contradicting: list[str]) -> list[Finding]:
    """All of it, at once; no disk is read but for its tables."""
    faults = [*_no_disk(selected), *_disks(selected)]
    if not faults:
        faults += remarks(selected.package, selected.file_names)
    return [*faults, *_choices(selected), *_left_out(selected), *_section(selected, contradicting)]


def _no_disk(selected: Selected) -> Iterator[Finding]:
    if not selected.disks:
        yield Finding(
            "refuse", "no-disk", selected.vm, f"{selected.vm} has no disk: nothing can be moved."
        )
    elif all(disk.file is None for disk in selected.disks):
        yield Finding(
            "refuse", "empty", selected.vm,
            f"No disk of {selected.vm} has a file: it is a template to install to.",
            "Install the machine first, and export it then.",
        )  # fmt: skip
    elif selected.disks[0].forgets:
        yield Finding(
            "warn", "root-not-persistent", selected.vm,
            f"The root disk of {selected.vm} gives up what is written to it (disk mode): it is not "
            "copied, and an image that stands for it is asked for.",
            "Make the disk persistent and export it again, to have it copied.",
        )  # fmt: skip


def _disks(selected: Selected) -> Iterator[Finding]:
    for disk in selected.disks:
        try:
            _try(selected, disk)
        except ColdferryError as error:
            yield Finding("refuse", "disk-file", disk.id, error.what, error.do)


def _try(selected: Selected, disk: PackagedDisk) -> None:
    """Open it. One that is compressed would be inflated as a whole: that is the freeze's."""
    if disk.file is not None and disk.file.compression in ("", "identity"):
        with opened(selected.package, disk):
            pass
    elif disk.file is not None:
        selected.package.stamp(selected.file_names)


def _choices(selected: Selected) -> Iterator[Finding]:
    others = [
        one.id for one in selected.envelope.configurations if one.id != selected.configuration
    ]
    if others:
        yield Finding(
            "inform", "configuration", selected.vm,
            f"{selected.vm} is described in its configuration {selected.configuration!r}; there "
            f"are also {', '.join(map(repr, others[:10]))}.",
            "For another one, make it the default in the descriptor.",
        )  # fmt: skip
    bounded = [one.title or one.instance for one in selected.items if one.bound in ("min", "max")]
    if bounded:
        yield Finding(
            "inform", "bounds", selected.vm,
            f"{selected.vm} gives only bounds of {', '.join(bounded[:10])}: the largest is taken.",
        )  # fmt: skip


def _left_out(selected: Selected) -> Iterator[Finding]:
    drives = [one for one in selected.items if one.kind in (Kind.CD, Kind.DVD, Kind.FLOPPY)]
    if any("file/" in one.resource or "disk/" in one.resource for one in drives):
        yield Finding(
            "warn", "medium", selected.vm,
            f"What lies in a CD or floppy drive of {selected.vm} is not carried.",
        )  # fmt: skip
    if "nvram" in selected.system.settings:
        yield Finding(
            "warn", "nvram", selected.vm,
            f"The firmware's variables of {selected.vm} are not carried: boot entries in them "
            "are lost.",
            "See that its disk has the removable path (EFI/BOOT), which needs none.",
        )  # fmt: skip
    if any("passthrough" in one.subtype.lower() for one in selected.items):
        yield Finding(
            "warn", "passthrough", selected.vm,
            f"{selected.vm} uses a device of its host, which is not carried.",
        )  # fmt: skip
    if selected.system.properties:
        yield Finding(
            "warn", "properties", selected.vm,
            f"{selected.vm} is told {len(selected.system.properties)} properties at its start, "
            "which are not carried: an appliance may set itself up by them.",
        )  # fmt: skip
    if selected.system.licence_text:
        yield Finding(
            "inform", "licence-text", selected.vm,
            f"{selected.vm} comes with a licence agreement, which nobody was asked about.",
        )  # fmt: skip
    for name in dict.fromkeys(selected.system.unknown_sections):
        yield Finding(
            "warn", "section", name,
            f"{selected.package.name} requires the section {name[:80]!r}, which is not understood.",
        )  # fmt: skip


def _section(selected: Selected, contradicting: list[str]) -> Iterator[Finding]:
    if contradicting == [UNREADABLE]:
        yield Finding(
            "warn", "extension", selected.vm,
            f"Coldferry's own section in {selected.package.name} is no description: nothing of it "
            "is taken.",
        )  # fmt: skip
    elif contradicting:
        yield Finding(
            "warn", "edited", selected.vm,
            f"{selected.package.name} says otherwise of {', '.join(contradicting[:20])} than "
            "Coldferry's own section in it: what the OVF says is taken.",
        )  # fmt: skip
