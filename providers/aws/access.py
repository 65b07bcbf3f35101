"""How AWS is reached. An empty field means the SDK's default chain."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_EMPTY = SecretStr("")


class AwsAccess(BaseModel):
    """Credentials and place. Leave the keys empty to use the worker's own role."""

    model_config = ConfigDict(frozen=True, title="If it is AWS")

    region: str = Field(default="", title="Region", description="For example eu-west-1")
    role_arn: str = Field(
        default="", title="Role to assume", description="ARN of a role; empty: none"
    )
    external_id: str = Field(
        default="", title="External id", description="Given with the role; empty: none"
    )
    access_key_id: str = Field(
        default="", title="Access key id", description="Empty: the worker's own identity"
    )
    secret_access_key: SecretStr = Field(default=_EMPTY, title="Secret access key")
    session_token: SecretStr = Field(default=_EMPTY, title="Session token")
    endpoint_url: str = Field(
        default="", title="Endpoint", description="Only for a private or sandbox endpoint"
    )
