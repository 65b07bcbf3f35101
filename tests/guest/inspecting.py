"""An image looked at as a migration looks at it, and the machine that it is of."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coldferry.guest.evidence import Inspection
from coldferry.guest.needs import GuestNeeds
from coldferry.guest.parent import look_at
from coldferry.guest.question import Question
from coldferry.machine import Machine
from coldferry.ports import Extent, Limits
from tests.unit.machines import a_disk, a_machine

ROOT, DATA = "/dev/sda1", "/dev/xvdf"


@dataclass
class ImageReader:
    """A raw image as a disk that is read."""

    image: Path
    limits: ClassVar[Limits] = Limits(512, 4 << 20, 8)

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return self.image.stat().st_size

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Everything is data."""
        yield Extent(offset, length)

    def read_into(self, offset: int, view: memoryview) -> None:
        """As the protocol says."""
        with self.image.open("rb") as file:
            file.seek(offset)
            assert file.readinto(view) == len(view)


def machine_of(*images: Path, **changes: object) -> Machine:
    """A machine with these disks, the root first; its second is called as fstab may call it."""
    disks = tuple(
        a_disk(
            id=f"vol-{number}", device=DATA if number else ROOT, root=not number,
            size_bytes=image.stat().st_size,
        )
        for number, image in enumerate(images)
    )  # fmt: skip
    return a_machine(disks=disks, **changes)


def inspected(machine: Machine, needs: GuestNeeds, left: GuestNeeds, *images: Path) -> Inspection:
    """What the inspection says of these images."""
    question = Question(
        machine=machine,
        disks_bytes=tuple(image.stat().st_size for image in images),
        root_disk=0,
        needs=needs,
        left=left,
    )
    return look_at(question, [ImageReader(image) for image in images])[0]
