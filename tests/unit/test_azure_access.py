"""Azure settings that cannot be used are bad input, said before anything is sent."""

import pytest
from pydantic import SecretStr, ValidationError

from coldferry.errors import BadInput
from providers.azure.access import AzureAccess
from providers.azure.client import Arm
from providers.azure.kinds import DISK
from providers.registry import Access

PASTED = "canary0pasted0into0the0wrong0place"


def arm(**fields: object) -> Arm:
    given = {"endpoint": "https://127.0.0.1:9", "token": SecretStr("word")} | fields
    return Arm(AzureAccess.model_validate(given))


def test_a_file_that_holds_no_certificate_is_no_ca_bundle(tmp_path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    with pytest.raises(BadInput, match=r"ca\.pem.*no PEM file"):
        arm(ca_bundle=str(bundle)).find(DISK, "d")


@pytest.mark.parametrize("token", ["ключ", "a\nb", "tök"])
def test_a_token_that_no_header_can_carry_is_no_token(token: str) -> None:
    with pytest.raises(ValidationError, match="no header can carry"):
        arm(token=SecretStr(token))


@pytest.mark.parametrize(
    "settings",
    [
        {"provider": "azure", "azure": PASTED},
        {"provider": PASTED},
        {"provider": "aws", "aws": {"region": [PASTED]}},
        {"provider": "aws", "aws": {"secret_access_key": [PASTED]}},
    ],
)
def test_an_error_in_settings_never_quotes_them(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Access.model_validate(settings)

    assert PASTED not in str(caught.value)
    assert PASTED not in repr(caught.value)
