"""Where the packages are. There is no credential: whoever reads the folder reads the machines."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from coldferry.errors import BadInput
from providers.inline import Inline

SUFFIXES = (".ovf", ".ova")


class OvfAccess(BaseModel):
    """A folder on the machine that does the work, and maybe one package in it."""

    model_config = ConfigDict(frozen=True, title="If it is a folder of OVF packages")

    folder: str = Field(
        default="", title="Folder", description="Absolute path, as the worker sees it"
    )
    package: str = Field(
        default="",
        title="Only this package",
        description="A file's name in the folder, as web-01.ova; empty: all of them",
    )


def _read(rest: str) -> OvfAccess:
    """``ovf:PATH``: a folder, an .ovf or an .ova; a relative one is of the current folder.

    Raises BadInput for a path that is none of them.
    """
    try:
        path = Path(rest).expanduser()
        path = path.parent.resolve() / path.name if path.name else path.resolve()
        if path.is_dir():
            return OvfAccess(folder=str(path.resolve()))
        if path.suffix.lower() in SUFFIXES and path.is_file():
            return OvfAccess(folder=str(path.parent), package=path.name)
    except (OSError, RuntimeError, ValueError):
        pass  # too long, a loop of links, a NUL, nobody's home: no path of a package either way
    raise BadInput(
        f"There is no folder, .ovf or .ova at {rest!r}.", "Write ovf:PATH with the path of one."
    )


INLINE = (Inline("ovf", "PATH", _read),)
"""How these settings are written on the command line."""
