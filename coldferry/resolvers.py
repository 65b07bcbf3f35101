"""Which resolvers are real ones, and which are a cloud's own."""

from ipaddress import ip_address
from typing import Any

_OF_A_CLOUD = ("168.63.129.16",)
"""No link-local address, and yet a cloud's own ("What is IP address 168.63.129.16?")."""


def resolver_addresses(servers: Any) -> list[str]:
    """Those of ``servers`` that are addresses of real resolvers.

    A word, or a link-local address (169.254.169.253), is the source cloud's own and
    exists there only.
    """
    found = []
    for server in servers or ():
        try:
            address = ip_address(str(server))
        except ValueError:
            continue
        if not address.is_link_local and str(address) not in _OF_A_CLOUD:
            found.append(str(address))
    return found
