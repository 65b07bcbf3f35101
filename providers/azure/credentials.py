"""From our settings to a credential of the SDK's.

Page: "Azure Identity client library for Python" (DefaultAzureCredential,
managed identity, client secret).
"""

import time
from typing import Any

from azure.core.credentials import AccessToken

from coldferry.errors import BadInput
from providers.azure.access import AzureAccess


class StaticToken:
    """A bearer token that was handed over; only the sandbox does that."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """The token, said to be valid for an hour."""
        return AccessToken(self._token, int(time.time()) + 3600)


def credential(access: AzureAccess) -> Any:
    """A token, a service principal, a named managed identity, or the SDK's default chain.

    Raises BadInput for a service principal that is none.
    """
    if access.token.get_secret_value():
        return StaticToken(access.token.get_secret_value())
    # Imported only where it is used: the sandbox needs none of it.
    from azure.identity import (
        ClientSecretCredential,
        DefaultAzureCredential,
        ManagedIdentityCredential,
    )

    secret = access.client_secret.get_secret_value()
    if secret:
        try:
            return ClientSecretCredential(access.tenant_id, access.client_id, secret)
        except ValueError:
            raise BadInput(
                "The Azure block has a client secret, but no usable tenant id and client id.",
                "Fill in all three of the service principal, or leave its secret empty.",
            ) from None
    if access.client_id:
        return ManagedIdentityCredential(client_id=access.client_id)
    return DefaultAzureCredential()
