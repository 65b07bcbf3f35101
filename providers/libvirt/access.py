"""How a libvirt host is reached. Keys and certificates are those that libvirt's client finds."""

from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from coldferry.errors import BadInput
from coldferry.plain import plain
from providers.inline import Inline

_EMPTY = SecretStr("")
_TRANSPORTS = ("", "unix", "ssh", "libssh", "libssh2", "tls", "tcp")
_PARAMETERS = ("socket", "keyfile", "known_hosts", "pkipath", "sshauth", "port", "mode")


def _uri(given: str) -> str:
    """``qemu`` alone, without a password, and nothing that has a program started here."""
    try:
        parts = urlsplit(given)
    except ValueError:  # whose words may quote what stands where a password does
        parts = urlsplit("")
    driver, _, transport = parts.scheme.partition("+")
    if (
        driver != "qemu"
        or transport not in _TRANSPORTS
        or parts.path not in ("/system", "/session")
    ):
        raise ValueError(
            "it is no address like qemu:///system, qemu:///session or qemu+ssh://HOST/system"
        )
    if parts.password is not None:
        raise ValueError("it holds a password: write that in its own field")
    # libvirt takes a semicolon for a separator, too ("virURIParseParams" in its viruri.c).
    named = parse_qsl(parts.query.replace(";", "&"), keep_blank_values=True)
    if others := sorted({name for name, _ in named} - {*_PARAMETERS}):
        raise ValueError(
            f"its parameter {plain(others[0], 40)} is not taken; {', '.join(_PARAMETERS)} are"
        )
    return given


class LibvirtAccess(BaseModel):
    """Address and place. Leave name and password empty to use SSH keys or certificates."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="If it is libvirt")

    uri: Annotated[str, AfterValidator(_uri)] = Field(
        default="qemu:///system",
        title="Connection URI",
        description="qemu:///system, qemu:///session or qemu+ssh://HOST/system",
    )
    pool: str = Field(
        default="",
        title="Storage pool",
        description="Where new machines' disks are made; empty: asked for, if there are several",
    )
    username: str = Field(default="", title="User name", description="Only for SASL")
    password: SecretStr = Field(default=_EMPTY, title="Password", description="Only for SASL")


class DomainFileAccess(LibvirtAccess):
    """A file with a domain's XML in place of a host. No form shows it, no saved block can be it."""

    file: str


def _host(rest: str) -> LibvirtAccess:
    """``libvirt:URI``. Raises BadInput, which never quotes a password."""
    try:
        return LibvirtAccess(uri=_uri(rest))
    except ValueError as error:
        raise BadInput(
            f"That connection URI is not taken: {error}.",
            "Write libvirt:URI, as libvirt:qemu:///system. What is secret goes into a saved block.",
        ) from None


def _file(rest: str) -> DomainFileAccess:
    """``libvirt-xml:FILE``; it is read when it is described."""
    try:
        return DomainFileAccess(file=str(Path(rest).expanduser().absolute()))
    except (OSError, RuntimeError):  # the current folder is gone; nobody's home
        return DomainFileAccess(file=rest)


INLINE = (
    Inline("libvirt", "URI", _host),
    Inline("libvirt-xml", "FILE", _file, planning=True),
)
"""How these settings are written on the command line."""
