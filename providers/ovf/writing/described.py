"""A described machine as an OVF descriptor: its disks are named by their size, and hold nothing."""

from coldferry.machine import Machine
from providers.ovf.writing.envelope import envelope


def write(machine: Machine) -> str:
    """See :func:`providers.formats.written`."""
    return envelope(machine).decode()
