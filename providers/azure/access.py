"""How Azure is reached. An empty field means the SDK's default chain."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _header(given: SecretStr) -> SecretStr:
    text = given.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds characters that no header can carry")
    return given


_EMPTY = SecretStr("")


class AzureAccess(BaseModel):
    """Credentials and place. Leave the credentials empty to use a managed identity."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="If it is Azure")

    subscription_id: str = Field(default="", title="Subscription id")
    resource_group: str = Field(
        default="", title="Resource group", description="Where machines are created"
    )
    location: str = Field(default="", title="Location", description="For example westeurope")
    tenant_id: str = Field(default="", title="Tenant id")
    client_id: str = Field(
        default="",
        title="Client id",
        description="Of a service principal, or of a user-assigned managed identity",
    )
    client_secret: SecretStr = Field(
        default=_EMPTY, title="Client secret", description="Empty: managed identity"
    )
    endpoint: str = Field(
        default="", title="Endpoint", description="Only for a sovereign or sandbox cloud"
    )
    token: Annotated[SecretStr, AfterValidator(_header)] = Field(
        default=_EMPTY, title="Bearer token", description="Only for the sandbox"
    )
    ca_bundle: str = Field(
        default="", title="CA bundle", description="Path of a PEM file; empty: the system's"
    )
