"""The formats that a description can be written in beside our own JSON: providers have them."""

from importlib import import_module

from coldferry.errors import BadInput
from coldferry.machine import Machine
from coldferry.plain import plain

_ROOMS = {"ovf": "providers.ovf.writing.described"}
"""A format's name, and the module whose ``write(machine)`` answers its text."""


def formats() -> list[str]:
    """Their names."""
    return sorted(_ROOMS)


def written(machine: Machine, name: str) -> str:
    """``machine`` as text in the format ``name``. Raises BadInput where there is none such."""
    room = _ROOMS.get(name)
    if room is None:
        raise BadInput(
            f"There is no format '{plain(name, 40)}'.", f"There are: {', '.join(formats())}."
        )
    text: str = import_module(room).write(machine)
    return text
