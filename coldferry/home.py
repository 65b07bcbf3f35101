"""Where this machine keeps what can be lost: manifests, reports, a sandbox's state."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coldferry.errors import BadInput, Conflict


def home() -> Path:
    """``$COLDFERRY_HOME``, by default ``~/.local/state/coldferry``; made when it is not there."""
    path = home_name()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be used as the home: {error.strerror}.",
            "Set COLDFERRY_HOME to a folder that can be written.",
        ) from None
    return path


def home_name() -> Path:
    """The home's path, whether it is there or not."""
    named = os.environ.get("COLDFERRY_HOME")
    return Path(named) if named else Path.home() / ".local" / "state" / "coldferry"


def manifests(migration: str) -> Path:
    """The folder of one migration's manifests; it need not exist."""
    return home() / "manifests" / migration


def manifest_path(migration: str, device: str) -> Path:
    """The manifest of one device's copy."""
    return manifests(migration) / f"{device}.manifest"


@contextmanager
def alone(migration: str) -> Iterator[None]:
    """Be the only run on this machine that carries a migration out.

    Raises Conflict while another does. A killed run leaves no lock behind.
    """
    folder = home() / "locks"
    folder.mkdir(exist_ok=True, mode=0o700)
    with (folder / migration).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another run on this machine is carrying out {migration}.",
                "Wait for it, or end it; then run the same command again.",
            ) from None
        yield
