"""How a libvirt host is reached. Keys and certificates are those that libvirt's client finds."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

_EMPTY = SecretStr("")
_TRANSPORTS = ("", "unix", "ssh", "libssh", "libssh2", "tls", "tcp")
_PARAMETERS = ("socket", "keyfile", "known_hosts", "pkipath", "sshauth", "port", "mode")


def _uri(given: str) -> str:
    """``qemu`` alone, without a password, and nothing that has a program started here."""
    parts = urlsplit(given)
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
    if others := sorted({name for name, _ in parse_qsl(parts.query)} - {*_PARAMETERS}):
        raise ValueError(f"its parameter {others[0]} is not taken; {', '.join(_PARAMETERS)} are")
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
