"""What of a folder of packages is in order."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from coldferry.errors import ColdferryError
from coldferry.plain import counted
from coldferry.ports import Check
from providers.ovf.package import read_package
from providers.ovf.selected import read_envelope_of


def diagnose(folder: Path, paths: Callable[[], Sequence[Path]]) -> Iterator[Check]:
    """Whether it can be read, what in it can be, and whether marks can be written."""
    try:
        found = paths()
    except ColdferryError as error:
        yield Check("folder", ok=False, what=error.what, do=error.do)
        return
    yield Check("folder", ok=True, what=f"{folder} has {counted(len(found), 'package')}.")
    for path in found:
        try:
            read_envelope_of(read_package(path))
        except ColdferryError as error:
            yield Check("package", ok=False, what=error.what, do=error.do)
    writable = os.access(folder, os.W_OK | os.X_OK)
    yield Check(
        "marks",
        ok=writable,
        what=f"{folder} can{'' if writable else 'not'} be written to.",
        do="" if writable else "Let the worker write to it: a migration's marks are kept there.",
    )
