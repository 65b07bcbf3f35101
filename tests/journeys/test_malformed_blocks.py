"""Blocks that were saved with settings that are none: the others are told of as before."""

from contextlib import contextmanager

import httpx
import pytest

from console.prefect_server import own_url

API = httpx.Client(timeout=60)
PASTED = "canary0pasted0into0the0wrong0place"
MALFORMED = {
    "no word for a region": ({"provider": "aws", "aws": {"region": None}}, "aws.region"),
    "a cloud nobody knows": ({"provider": "gcp"}, "provider"),
    "a secret for a part": ({"provider": "azure", "azure": PASTED}, "azure"),
    "no cloud at all": ({"aws": {"secret_access_key": PASTED}}, "provider"),
    "a secret in a list": ({"provider": "azure", "azure": {"token": [PASTED]}}, "azure.token"),
    "a token no header carries": (
        {"provider": "azure", "azure": {"token": f"ключ-{PASTED}"}},
        "azure.token",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def moved(sandbox):
    """A migration's snapshot: without any, a cloud that cannot be asked is all there is to say."""
    (disk, *_) = sandbox.ec2.describe_volumes()["Volumes"]
    tags = [{"Key": "coldferry:migration", "Value": "old-azure-00c0ffee-a1"}]
    made = sandbox.ec2.create_snapshot(
        VolumeId=disk["VolumeId"],
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}],
    )
    yield
    sandbox.ec2.delete_snapshot(SnapshotId=made["SnapshotId"])


@pytest.fixture
def saved(sandbox):
    """Save settings as they are, through the API that the UI uses too; gone at the end."""

    @contextmanager
    def save(settings, name="malformed"):
        with sandbox.inside():
            url = own_url()
        slug = f"{url}/block_types/slug/coldferry-cloud/block_documents"
        known = API.get(slug).raise_for_status().json()[0]
        kind = {key: known[key] for key in ("block_type_id", "block_schema_id")}
        body = {"name": name, "data": settings, **kind}
        made = API.post(f"{url}/block_documents/", json=body).raise_for_status().json()
        try:
            yield f"coldferry-cloud/{name}"
        finally:
            API.delete(f"{url}/block_documents/{made['id']}").raise_for_status()

    return save


@pytest.mark.parametrize(("settings", "field"), MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_block_is_named_with_its_field_and_without_its_value(
    sandbox, saved, settings, field
):
    with saved(settings) as block:
        answer = sandbox.here("describe", block, sandbox.state["machines"][0])

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")
    assert f"{block} cannot be used: {field}:" in answer.error["what"]
    assert answer.error["do"]
    assert PASTED not in f"{answer.document}{answer.stderr}"
    assert not [p for p in sandbox.home.glob("defects/*") if PASTED in p.read_text()]


def test_the_other_clouds_migrations_are_shown_beside_malformed_blocks(sandbox, saved):
    before = sandbox.here("status").document
    with saved({"provider": "azure", "azure": PASTED}) as block:
        answer = sandbox.here("status")

    assert answer.exit_code == 0
    assert answer.document["migrations"] == before["migrations"]
    assert sorted(answer.document["unreachable"]) == sorted([*before["unreachable"], block])
    assert block in answer.stderr
    assert PASTED not in f"{answer.document}{answer.stderr}"


def test_a_rollback_does_not_stumble_over_a_malformed_block(sandbox, saved):
    with saved({"provider": "gcp"}) as block:
        answer = sandbox.here("rollback", "nobody-azure-0-a1")

    assert (answer.exit_code, answer.error["code"]) == (2, "unknown-migration")
    assert block in answer.error["do"]


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ({"ca_bundle": "/nowhere/ca.pem"}, "CA bundle"),
        ({"endpoint": "https://[::1"}, "endpoint"),
        ({"endpoint": "nowhere"}, "endpoint"),
        ({"token": "", "client_secret": PASTED}, "client secret"),
    ],
    ids=["no such bundle", "no address", "no scheme", "half a principal"],
)
def test_a_setting_that_cannot_be_used_is_bad_input(sandbox, saved, setting, field):
    settings = {k: v for k, v in sandbox.state["azure"].items() if k != "block"}
    with saved({"provider": "azure", "azure": settings | setting}) as block:
        answer = sandbox.here("describe", block, "anybody")
        status = sandbox.here("status")

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")
    assert field in answer.error["what"]
    assert status.exit_code == 0
    assert block in status.document["unreachable"]
    assert PASTED not in f"{answer}{status}"


def test_the_doctor_says_what_a_block_lacks_and_looks_at_the_others(sandbox, saved):
    settings = {k: v for k, v in sandbox.state["azure"].items() if k != "block"}
    empty = settings | {"subscription_id": "", "resource_group": ""}
    with saved({"provider": "azure", "azure": empty}) as block:
        answer = sandbox.here("doctor", block, sandbox.source)

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")
    assert answer.error["what"] == "The Azure block names no subscription_id and no resource_group."
    assert answer.error["do"] == "Fill that in in the block."
    looked = answer.document["blocks"]
    assert [(check["name"], check["what"]) for check in looked[block]] == [
        ("settings", answer.error["what"])
    ]
    assert "identity" in [check["name"] for check in looked[sandbox.source] if check["ok"]]


def test_the_doctor_says_that_no_region_is_named(sandbox, saved, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    settings = {k: v for k, v in sandbox.state["aws"].items() if k not in ("block", "region")}
    with saved({"provider": "aws", "aws": settings}) as block:
        answer = sandbox.here("doctor", block)

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")
    assert answer.error["what"] == "No AWS region is given."
