"""Where this machine keeps what can be lost: manifests, reports, a sandbox's state."""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from coldferry.errors import BadInput, Conflict

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def home() -> Path:
    """``$COLDFERRY_HOME``, by default ``~/.local/state/coldferry``; made when it is not there.

    Raises BadInput for one that others may change: they could have us send
    credentials to them, or write where they like.
    """
    path = home_name()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = path.stat()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be used as the home: {error.strerror}.",
            "Set COLDFERRY_HOME to a folder that can be written.",
        ) from None
    if found.st_uid != os.geteuid():
        raise BadInput(
            f"{path} cannot be used as the home: another user owns it.",
            "Set COLDFERRY_HOME to a folder of your own.",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadInput(
            f"{path} cannot be used as the home: others may write into it.",
            f"Take that right away (chmod go-w {path}), or set COLDFERRY_HOME to another folder.",
        )
    return path


def home_name() -> Path:
    """The home's path, whether it is there or not."""
    named = os.environ.get("COLDFERRY_HOME")
    return Path(named).absolute() if named else Path.home() / ".local" / "state" / "coldferry"


def folder(name: str) -> Path:
    """A folder of the home, for its owner only; made when it is not there."""
    path = home() / name
    path.mkdir(exist_ok=True, mode=0o700)
    if path.stat().st_mode & _OTHERS:  # made by an earlier release
        path.chmod(0o700)
    return path


def private(path: str | Path, flags: int) -> int:
    """An ``opener`` for :func:`open`: what is made is its owner's only, and no link is followed.

    Raises BadInput where a link is.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise BadInput(f"{path} is a link, which is not followed.", "Remove the link.") from None
    if os.fstat(descriptor).st_mode & _OTHERS:  # made by an earlier release
        os.fchmod(descriptor, 0o600)
    return descriptor


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a file's lock; what the file holds stays. Raises BlockingIOError without ``wait``."""
    descriptor = private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


@contextmanager
def in_turn(name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Be the only one of this home inside for ``name``; ``waiting`` is called before a wait."""
    path = folder("locks") / name
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, wait=False))
        except BlockingIOError:
            waiting()
            held.enter_context(locked(path))
        yield


@contextmanager
def alone(migration: str) -> Iterator[None]:
    """Be the only run on this machine that carries a migration out.

    Raises Conflict while another does. A killed run leaves no lock behind.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder("locks") / migration, wait=False))
        except BlockingIOError:
            raise Conflict(
                f"Another run on this machine is carrying out {migration}.",
                "Wait for it, or end it; then run the same command again.",
            ) from None
        yield
