"""The list of providers, and the only place that tells them apart by name.

A new provider adds its name to :data:`ProviderName`, its settings to
:class:`Access` and a line to :func:`connect`, and to :data:`_INLINE` where it can be
written on a command line. Its SDK is imported when it is connected, never before.
"""

import threading
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from coldferry.errors import BadInput, Refused
from coldferry.ports import (
    Machines,
    Source,
    Target,
    Translator,
    is_source,
    is_target,
    is_translator,
)
from providers.aws.access import AwsAccess
from providers.azure.access import AzureAccess
from providers.inline import Inline
from providers.libvirt import access as libvirt_access
from providers.libvirt.access import LibvirtAccess
from providers.ovf import access as ovf_access
from providers.ovf.access import OvfAccess

ProviderName = Literal["aws", "azure", "libvirt", "ovf"]

PROVIDERS: tuple[str, ...] = get_args(ProviderName)


class Access(BaseModel):
    """Which cloud, and how it is reached; only the part of that cloud is read."""

    # An error that quotes what was given would quote a secret in the wrong place.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    provider: ProviderName = Field(title="Cloud")
    aws: AwsAccess = Field(default=AwsAccess(), title="If it is AWS")
    azure: AzureAccess = Field(default=AzureAccess(), title="If it is Azure")
    libvirt: LibvirtAccess = Field(default=LibvirtAccess(), title="If it is libvirt")
    ovf: OvfAccess = Field(default=OvfAccess(), title="If it is a folder of OVF packages")


_INLINE: dict[ProviderName, tuple[Inline, ...]] = {
    "libvirt": libvirt_access.INLINE,
    "ovf": ovf_access.INLINE,
}


def schemes() -> dict[str, str]:
    """What may be written instead of a saved block: ``{"ovf": "ovf:PATH"}``."""
    every = [one for inline in _INLINE.values() for one in inline]
    return {one.scheme: f"{one.scheme}:{one.metavar}" for one in every}


def written(reference: str, *, to_move: bool = False) -> Access | None:
    """The settings that ``SCHEME:REST`` stands for, None where it is of no provider's schemes.

    Raises BadInput for what its provider does not take, and, ``to_move``, for one that has
    no disks behind it.
    """
    scheme, colon, rest = reference.partition(":")
    for provider, inline in _INLINE.items():
        for one in inline:
            if colon and one.scheme == scheme:
                if to_move and one.planning:
                    raise BadInput(
                        f"{scheme}:{one.metavar} describes a machine, and has no disks.",
                        "It serves 'describe' and 'plan'. To migrate, name the cloud itself.",
                    )
                return Access.model_validate({"provider": provider, provider: one.read(rest)})
    return None


_connected: dict[Access, Machines] = {}
_lock = threading.Lock()


def connect(access: Access) -> Machines:
    """The cloud behind ``access``; one object for equal settings, safe to use from threads."""
    with _lock:
        if access not in _connected:
            _connected[access] = _connect(access)
        return _connected[access]


def lend(access: Access, cloud: Machines) -> None:
    """Use ``cloud`` wherever these settings are connected from now on.

    For tests, which bring clouds in memory and wrappers that fail on demand.
    """
    with _lock:
        _connected[access] = cloud


def connect_source(access: Access) -> Source:
    """The cloud as a source. Raises Refused when machines cannot be taken from it."""
    cloud = connect(access)
    if not is_source(cloud):
        raise _one_sided(access, "taken from")
    return cloud


def connect_translator(access: Access) -> Translator:
    """The cloud as one that says what it would make of a machine. Raises Refused otherwise."""
    cloud = connect(access)
    if not is_translator(cloud):
        raise Refused(
            "Nothing can be planned for that target: it describes machines, and takes none.",
            "Name a cloud as the target.",
        )
    return cloud


def connect_target(access: Access) -> Target:
    """The cloud as a target. Raises Refused when machines cannot be brought to it."""
    cloud = connect(access)
    if not is_target(cloud):
        raise _one_sided(access, "brought to")
    return cloud


def _one_sided(access: Access, verb: str) -> Refused:
    return Refused(
        f"Machines cannot be {verb} {access.provider} in this release.",
        "'coldferry plan' says what would become of one; the README lists the directions in "
        "which it can be moved.",
    )


def _connect(access: Access) -> Machines:
    cloud: Machines
    if access.provider == "aws":
        from providers.aws.cloud import AwsCloud

        cloud = AwsCloud(access.aws)
    elif access.provider == "ovf":
        from providers.ovf.cloud import OvfCloud

        cloud = OvfCloud(access.ovf)
    elif access.provider == "libvirt":
        from providers.libvirt.cloud import connect as connect_libvirt

        cloud = connect_libvirt(access.libvirt)
    else:
        from providers.azure.cloud import AzureCloud

        cloud = AzureCloud(access.azure)
    return cloud
