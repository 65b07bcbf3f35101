"""Blocks of EBS by hand: signed as the SDK signs, paced, and refused as EBS refuses."""

import hashlib
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from coldferry.content import ZERO_DIGEST
from coldferry.errors import BadInput, Conflict, Denied, DiskSealed, Gone, ProviderError, Transient
from providers.aws.access import AwsAccess
from providers.aws.blocks import BLOCK_BYTES, Blocks
from providers.aws.disks import SnapshotReader
from providers.aws.pace import Pace, pace_of
from providers.aws.session import Clients
from providers.aws.writing import SnapshotWriter, delete_snapshot, start_snapshot
from sandbox.aws.world import Delays, current
from tests.unit.answering_http import scripted
from tests.unit.aws_world import KEY_ID, REGION, SECRET, Sandbox, sandbox

GIB = 1 << 30
DATA = random.Random(1).randbytes(BLOCK_BYTES)
DIGEST = hashlib.sha256(DATA).digest()


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(Delays(complete_s=0.3)) as here:
        yield here


@pytest.fixture
def clients(aws: Sandbox) -> Iterator[Clients]:
    aws.server.faults.reset_counts()
    yield aws.clients()
    aws.server.faults.clear()


def begin(clients: Clients, token: str, size_bytes: int = GIB) -> SnapshotWriter:
    snapshot = start_snapshot(clients, size_bytes, token, {"coldferry:copy": token}, "a test")
    return SnapshotWriter(clients, snapshot, size_bytes, fresh=True)


class TestSigning:
    def test_a_request_is_signed_byte_for_byte_as_the_sdk_signs_it(self):
        """A token with what a URL must encode; all headers that matter are signed."""
        access = AwsAccess(region=REGION, access_key_id=KEY_ID, secret_access_key=SECRET)
        with scripted(b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n") as server:
            settings = access.model_copy(update={"endpoint_url": server.url})
            blocks = Blocks(Clients(settings))
            with pytest.raises(ProviderError):
                blocks.get("snap-1", 7, "AAB+/x= &", memoryview(bytearray(BLOCK_BYTES)))
            blocks.close()
        lines = server.heads[0].splitlines()
        given = dict(line.split(": ", 1) for line in lines[1:] if line)
        assert lines[0].startswith("GET /snapshots/snap-1/blocks/7?blockToken=AAB%2B%2Fx%3D%20%26 ")

        assert given["Authorization"] == _signature(f"{server.url}{lines[0].split()[1]}", given)

    def test_the_body_s_digest_is_signed(self, aws, clients):
        """A body that was altered on the way is not taken."""
        writer = begin(clients, "signed")
        with pytest.raises(Denied, match="SignatureException"):
            writer.write_leaf(0, memoryview(DATA), hashlib.sha256(b"other").digest())
        writer.close()

    def test_wrong_keys_are_denied_and_named(self, aws):
        clients = Clients(
            AwsAccess(
                region=REGION, access_key_id=KEY_ID, secret_access_key="wrong",
                endpoint_url=aws.server.endpoint_url,
            )
        )  # fmt: skip
        blocks = Blocks(clients)
        with pytest.raises(Denied, match="credentials"):
            blocks.put("snap-00000000", 0, memoryview(DATA), DIGEST)
        blocks.close()


class TestWriting:
    def test_what_was_put_is_read_back_and_the_rest_is_zero(self, aws, clients):
        writer = begin(clients, "whole")
        writer.write(3 * BLOCK_BYTES, memoryview(DATA))
        writer.write_leaf(GIB - BLOCK_BYTES, memoryview(DATA), DIGEST)
        assert (writer.requests, writer.sent_bytes) == (2, 2 * BLOCK_BYTES)
        snapshot = writer.commit()
        assert writer.commit() == snapshot
        writer.close()

        reader = SnapshotReader(clients, snapshot)
        buffer = memoryview(bytearray(BLOCK_BYTES))
        assert reader.read_leaf(3 * BLOCK_BYTES, buffer) == DIGEST
        assert buffer == DATA
        assert reader.read_leaf(0, buffer) == ZERO_DIGEST
        assert not any(buffer)
        found = [(e.offset, e.length) for e in reader.extents(0, GIB) if e.data]
        assert found == [(3 * BLOCK_BYTES, BLOCK_BYTES), (GIB - BLOCK_BYTES, BLOCK_BYTES)]
        reader.close()

    def test_the_same_token_is_the_same_snapshot(self, clients):
        assert begin(clients, "same").identity == begin(clients, "same").identity
        assert begin(clients, "same").identity != begin(clients, "other").identity
        with pytest.raises(Conflict):
            begin(clients, "same", 2 * GIB)

    def test_an_empty_disk_is_committed_without_a_block(self, aws, clients):
        writer = begin(clients, "empty")
        writer.commit()
        writer.close()
        assert aws.calls("ebs:PutSnapshotBlock") == 0

    def test_zero_overwrites_an_earlier_put(self, clients):
        writer = begin(clients, "zero")
        writer.write(0, memoryview(DATA))
        writer.zero(0, BLOCK_BYTES)
        snapshot = writer.commit()
        writer.close()
        reader = SnapshotReader(clients, snapshot)
        buffer = memoryview(bytearray(b"x" * BLOCK_BYTES))
        reader.read_into(0, buffer)
        reader.close()
        assert not any(buffer)

    def test_a_resume_commits_what_earlier_runs_put(self, clients):
        first = begin(clients, "resumed")
        first.write(0, memoryview(DATA))
        first.close()
        second = SnapshotWriter(clients, first.identity, GIB)
        other = bytes(reversed(DATA))
        leaves = {0: DIGEST, 5: hashlib.sha256(other).digest()}
        second.rely_on(lambda: sorted(leaves.items()))
        second.write(5 * BLOCK_BYTES, memoryview(other))
        assert second.commit() == first.identity
        second.close()

    def test_a_block_that_was_put_and_is_not_named_keeps_it_from_being_committed(self, clients):
        first = begin(clients, "unnamed")
        first.write(0, memoryview(DATA))
        first.close()
        second = SnapshotWriter(clients, first.identity, GIB)
        with pytest.raises(ProviderError, match="ChangedBlocksCount"):
            second.commit()
        second.close()

    def test_a_commit_whose_reply_was_lost_is_waited_for(self, aws, clients):
        writer = begin(clients, "lost")
        writer.write(0, memoryview(DATA))
        aws.faults({"operation": "ebs:CompleteSnapshot", "status": 500, "apply": True,
                    "code": "InternalServerException"})  # fmt: skip
        assert writer.commit() == writer.identity
        writer.close()

    def test_a_snapshot_that_timed_out_must_be_begun_anew(self, aws, clients):
        writer = begin(clients, "late")
        current().store.snapshots[writer.identity].timeout_s = 0
        with pytest.raises(DiskSealed, match="another one is begun"):
            writer.write(0, memoryview(DATA))
        writer.close()

    def test_a_snapshot_that_is_gone_must_be_begun_anew(self, aws, clients):
        snapshot = begin(clients, "gone").identity
        delete_snapshot(clients, snapshot)
        delete_snapshot(clients, snapshot)
        writer = SnapshotWriter(clients, snapshot, GIB)
        with pytest.raises(DiskSealed):
            writer.write(0, memoryview(DATA))
        writer.close()

    def test_a_new_snapshot_that_is_not_seen_at_once_is_waited_for(self, aws, clients):
        writer = begin(clients, "unseen")
        aws.faults({"operation": "ebs:PutSnapshotBlock", "status": 404, "times": 3,
                    "code": "ResourceNotFoundException"})  # fmt: skip
        writer.write(0, memoryview(DATA))
        writer.close()

    def test_what_is_no_block_is_refused_here(self, clients):
        writer = begin(clients, "odd")
        for offset, size in ((0, 512), (512, BLOCK_BYTES), (GIB, BLOCK_BYTES), (-1, BLOCK_BYTES)):
            with pytest.raises(Conflict):
                writer.write(offset, memoryview(bytes(size)))
        writer.close()

    def test_a_disk_larger_than_a_volume_is_refused(self, clients):
        with pytest.raises(BadInput, match="65536 GiB"):
            begin(clients, "huge", 65_537 * GIB)


class TestPace:
    def test_throttled_puts_are_absorbed_and_slow_the_rest(self, aws, clients):
        pace = pace_of(KEY_ID, REGION, "PutSnapshotBlock")
        writer = begin(clients, "throttled")
        aws.faults(
            {"operation": "ebs:PutSnapshotBlock", "status": 400, "times": 2,
             "code": "RequestThrottledException"},
        )  # fmt: skip
        writer.write(0, memoryview(DATA))
        assert pace.rate_per_s < 900
        assert writer.requests == 3
        writer.close()

    def test_always_throttled_ends_as_worth_another_try(self, aws, clients):
        writer = begin(clients, "always")
        aws.faults({"operation": "ebs:PutSnapshotBlock", "status": 400, "times": 99,
                    "code": "RequestThrottleException"})  # fmt: skip
        with pytest.raises(Transient, match="throttles"):
            writer.write(0, memoryview(DATA))
        writer.close()

    def test_the_rate_is_kept_halved_and_grown_again(self):
        clock = Clock()
        pace = Pace(100, clock=clock.now, sleep=clock.sleep)
        for _ in range(205):
            pace.take()
        assert 1.9 < clock.at < 2.1
        pace.throttled()
        pace.throttled()
        assert pace.rate_per_s == 50
        clock.at += 2
        assert pace.rate_per_s == 60
        clock.at += 60
        assert pace.rate_per_s == 100

    def test_accounts_regions_and_operations_have_buckets_of_their_own(self):
        assert pace_of("a", "eu-west-1", "Get") is pace_of("a", "eu-west-1", "Get")
        others = {pace_of(*key) for key in (("a", "r", "Get"), ("b", "r", "Get"),
                                            ("a", "s", "Get"), ("a", "r", "Put"))}  # fmt: skip
        assert len(others) == 4


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, length_s: float) -> None:
        self.at += length_s


def test_a_missing_snapshot_is_named(clients):
    with pytest.raises(Gone, match="snap-00000000"):
        SnapshotReader(clients, "snap-00000000")


def _signature(url: str, given: dict[str, str]) -> str:
    """What botocore's own signer makes of the same request at the same moment."""
    found = re.search(r"SignedHeaders=([^,]+)", given["Authorization"])
    assert found
    by_name = {name.lower(): value for name, value in given.items()}
    headers = {name: by_name[name] for name in found[1].split(";") if name != "host"}
    request: Any = AWSRequest("GET", url, headers)
    signer: Any = SigV4Auth(Credentials(KEY_ID, SECRET), "ebs", REGION)
    request.context["timestamp"] = by_name["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signature = signer.signature(text, request)
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={found[1]}, "
        f"Signature={signature}"
    )
