"""How AWS is reached. An empty field means the SDK's default chain."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _credential(given: str | SecretStr) -> str | SecretStr:
    text = given if isinstance(given, str) else given.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds characters that no credential has")
    return given


_Word = Annotated[str, AfterValidator(_credential)]
_Secret = Annotated[SecretStr, AfterValidator(_credential)]

_EMPTY = SecretStr("")


class AwsAccess(BaseModel):
    """Credentials and place. Leave the keys empty to use the worker's own role."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="If it is AWS")

    region: str = Field(default="", title="Region", description="For example eu-west-1")
    role_arn: str = Field(
        default="", title="Role to assume", description="ARN of a role; empty: none"
    )
    external_id: str = Field(
        default="", title="External id", description="Given with the role; empty: none"
    )
    access_key_id: _Word = Field(
        default="", title="Access key id", description="Empty: the worker's own identity"
    )
    secret_access_key: _Secret = Field(default=_EMPTY, title="Secret access key")
    session_token: _Secret = Field(default=_EMPTY, title="Session token")
    endpoint_url: str = Field(
        default="", title="Endpoint", description="Only for a private or sandbox endpoint"
    )
