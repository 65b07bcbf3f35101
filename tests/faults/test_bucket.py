"""A worker whose disk is gone goes on by the manifests in a bucket."""

import pytest

from coldferry.errors import BadInput, Failed
from coldferry.home import home
from providers.manifests import VARIABLE
from tests.conformance.buckets import an_s3_bucket
from tests.faults.crossing import Crossing, dense

pytestmark = pytest.mark.slow

BLOCKS = 100


@pytest.fixture(scope="module")
def bucket():
    with an_s3_bucket() as found:
        yield found


def test_a_place_for_manifests_that_is_none_is_refused_before_the_halt(
    crossing: Crossing, monkeypatch
) -> None:
    moved = crossing.seed(dense(2))
    monkeypatch.setenv(VARIABLE, "nowhere")
    with pytest.raises(BadInput, match="names no place"):
        crossing.migrate(moved)

    assert crossing.calls("ec2:StopInstances") == 0
    assert crossing.found()["disks"] == []


def test_another_worker_sends_only_what_is_missing_and_a_rollback_empties_the_bucket(
    crossing: Crossing, bucket, monkeypatch
) -> None:
    from flows.rollback import rollback
    from tasks.clouds import load

    monkeypatch.setenv(VARIABLE, f"{bucket.name}/team")
    moved = crossing.seed(dense(BLOCKS))
    crossing.fault("blob:PutPage", status=403, code="AuthenticationFailed", after=95, times=1000)
    with pytest.raises(Failed):
        crossing.migrate(moved)
    assert bucket.list("team/") != []
    crossing.reset()
    report = crossing.migrate(moved)

    assert crossing.received("blob:PutPage") <= 0.1 * moved.data_bytes
    assert crossing.differing(moved, report) == []

    migration = report["migration"]
    assert not (home() / "manifests" / migration).exists()
    origin, goal = (load(f"coldferry-cloud/crossing-{one}") for one in ("aws", "azure"))
    rollback(origin, moved.vm, goal, migration)
    assert bucket.list("team/") == []
