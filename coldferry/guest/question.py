"""What the parent asks of the child: the first and only message that goes that way."""

from pydantic import BaseModel, ConfigDict

from coldferry.guest.needs import GuestNeeds
from coldferry.machine import Machine


class Question(BaseModel):
    """A machine, the sizes of the disks that were frozen, and what is to be known of its guest.

    ``needs`` is the target's, ``left`` the source's. A disk of no bytes is one that is
    left behind: it is not looked at, and keeps its number. ``root_disk`` is the number of
    the disk that the machine boots from, None when that is none of these. ``halted``: they
    were frozen after the halt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: Machine
    disks_bytes: tuple[int, ...]
    root_disk: int | None
    needs: GuestNeeds
    left: GuestNeeds
    halted: bool = False
