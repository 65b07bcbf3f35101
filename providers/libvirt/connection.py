"""The one file that speaks to libvirt's library, and turns its errors into ours.

Pages: "Connection URIs", "Error handling" (``virterror.h``), "Python API bindings" (libvirt.org).
The library is no dependency: it is built against the libvirt of the machine that it runs on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from coldferry.errors import (
    BadInput,
    ColdferryError,
    Conflict,
    Denied,
    Gone,
    ProviderError,
    Quota,
    Unreachable,
)
from coldferry.plain import plain
from providers.libvirt.access import LibvirtAccess

_WORDS_CHARS = 300


@cache
def library() -> Any:
    """The ``libvirt`` module. Raises BadInput, saying how to come by it, where it is missing."""
    try:
        import libvirt
    except ImportError:
        raise BadInput(
            "libvirt's Python binding is not installed here.",
            "Install Debian's libvirt-dev, pkg-config and gcc, then Coldferry with its extra "
            "'libvirt'; or Debian's python3-libvirt into the same Python.",
        ) from None
    libvirt.registerErrorHandler(lambda *_: None, None)  # else it writes them to standard error
    return libvirt


class Host:
    """One libvirt daemon; opened when first asked, and anew when the connection broke."""

    def __init__(self, access: LibvirtAccess) -> None:
        self.access = access
        self.path = urlsplit(access.uri).path
        self._lock = threading.Lock()
        self._open: Any = None
        self._scope = ""

    @property
    def scope(self) -> str:
        """``HOST/system``: the daemon's own name of its host, and which of its daemons it is."""
        if not self._scope:
            with speaking("ask the name of", self.access.uri):
                self._scope = f"{self.connection().getHostname()}{self.path}"
        return self._scope

    @property
    def unprivileged(self) -> bool:
        """A user's own daemon: it has no networks of its own and no filters."""
        return self.path == "/session"

    def connection(self) -> Any:
        """The open connection; it may be used by several threads at once."""
        with self._lock:
            if self._open is None or not self._open.isAlive():
                self._open = _connect(self.access)
            return self._open


def _connect(access: LibvirtAccess) -> Any:
    lib = library()
    words = {
        lib.VIR_CRED_AUTHNAME: access.username,
        lib.VIR_CRED_USERNAME: access.username,
        lib.VIR_CRED_PASSPHRASE: access.password.get_secret_value(),
    }

    def answer(asked: list[Any], _data: Any) -> int:
        for one in asked:
            one[4] = words.get(one[0], "")
        return 0

    try:
        return lib.openAuth(access.uri, [list(words), answer, None], 0)
    except lib.libvirtError as error:
        if error.get_error_code() in (lib.VIR_ERR_AUTH_FAILED, lib.VIR_ERR_AUTH_CANCELLED):
            raise Denied(
                f"{access.uri} does not take these credentials.",
                "Correct the user name and password, or the keys of whoever runs this.",
            ) from None
        raise Unreachable(
            f"{access.uri} cannot be reached: {_text(error)}.",
            "See that the daemon runs, and that whoever runs this may reach it.",
        ) from None


@contextmanager
def speaking(deed: str, subject: str, gone: ColdferryError | None = None) -> Iterator[None]:
    """Turn libvirt's errors into ours; ``gone`` is raised where it knows no such object."""
    lib = library()
    try:
        yield
    except lib.libvirtError as error:
        raise _ours(lib, error, deed, subject, gone) from None


def _ours(
    lib: Any, error: Any, deed: str, subject: str, gone: ColdferryError | None
) -> ColdferryError:
    code = error.get_error_code()
    what = f"libvirt could not {deed} {plain(subject)}: {_text(error)}."
    if code in (lib.VIR_ERR_NO_DOMAIN, lib.VIR_ERR_NO_STORAGE_VOL, lib.VIR_ERR_NO_STORAGE_POOL,
                lib.VIR_ERR_NO_DOMAIN_METADATA, lib.VIR_ERR_NO_NETWORK):  # fmt: skip
        return gone or Gone(what, "See whether somebody removed it.")
    if code in (lib.VIR_ERR_ACCESS_DENIED, lib.VIR_ERR_OPERATION_DENIED, lib.VIR_ERR_AUTH_FAILED):
        return Denied(what, "Give whoever runs this the right to, in libvirt's polkit rules.")
    if code in (lib.VIR_ERR_OPERATION_INVALID, lib.VIR_ERR_STORAGE_VOL_EXIST,
                lib.VIR_ERR_RESOURCE_BUSY, lib.VIR_ERR_DOM_EXIST):  # fmt: skip
        return Conflict(what, "See what else is done with it, then run the same command again.")
    if code in (lib.VIR_ERR_SYSTEM_ERROR, lib.VIR_ERR_RPC, lib.VIR_ERR_NO_CONNECT):
        full = "No space left" in str(error)
        return Quota(what, "Make room in the pool.") if full else Unreachable(what)
    return ProviderError(what, "See the daemon's log on that host.")


def _text(error: Any) -> str:
    """Its words, of which nothing is ours: paths and names of the host, and no credentials."""
    return plain(str(error).rstrip("."), _WORDS_CHARS)
