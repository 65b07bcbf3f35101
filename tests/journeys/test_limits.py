"""Limits of a running copy, said at the command line or in Prefect, and its progress artifact."""

import asyncio
import time

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.variables import Variable

from coldferry import progress
from coldferry.copying import Bounds
from tasks.limiting import VARIABLE, heeded, limits
from tasks.progressing import shown

pytestmark = pytest.mark.slow

MIGRATION = "web-01-azure-7f3a9c21-a1"


@pytest.fixture
def variable(prefect_api):
    yield lambda said: asyncio.run(Variable.aset(VARIABLE, said, overwrite=True))
    asyncio.run(Variable.aunset(VARIABLE))
    limits().tell({})


def until(holds, timeout_s=60.0):
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < timeout_s
        time.sleep(0.05)


def test_what_the_variable_says_holds_before_the_first_byte_and_changes_on_the_way(variable):
    variable({"clouds": {"azure": {"bytes_per_s": 1000}}})
    throttle = limits().cloud("azure")
    seen = []

    @flow
    async def migrating():
        async with heeded():
            seen.append(throttle.bounds)
            await asyncio.to_thread(variable, {"clouds": {"azure": {"requests_per_s": 5}}})
            await asyncio.to_thread(until, lambda: throttle.bounds != seen[0])
            seen.append(throttle.bounds)
            await asyncio.to_thread(variable, {})
            await asyncio.to_thread(until, lambda: throttle.bounds != seen[1])
            seen.append(throttle.bounds)

    asyncio.run(migrating())

    assert seen == [Bounds(bytes_per_s=1000), Bounds(requests_per_s=5), Bounds()]


def test_a_faulty_variable_changes_nothing_and_is_named_in_the_log(variable, caplog):
    variable({"clouds": {"azure": {"bytes_per_s": 1000}}})
    throttle = limits().cloud("azure")

    @flow
    async def migrating():
        async with heeded():
            await asyncio.to_thread(variable, {"clouds": {"azure": {"bytes_per_s": -1}}})
            await asyncio.to_thread(until, lambda: VARIABLE in caplog.text)
            return throttle.bounds

    assert asyncio.run(migrating()) == Bounds(bytes_per_s=1000)
    assert "clouds.azure.bytes_per_s is no number above 0" in caplog.text


def test_limits_are_set_changed_listed_and_ended_at_the_command_line(sandbox):
    set_ = sandbox.here("limit", "azure", "--bytes-per-s", "50MiB", "--requests-per-s", "200")
    assert set_.document == {
        "limits": {"clouds": {"azure": {"bytes_per_s": 50 << 20, "requests_per_s": 200}}}
    }
    sandbox.here("limit", MIGRATION, "--bytes-per-s", "1000")
    changed = sandbox.here("limit", "azure", "--requests-per-s", "0").document["limits"]
    assert changed == {
        "clouds": {"azure": {"bytes_per_s": 50 << 20}},
        "migrations": {MIGRATION: {"bytes_per_s": 1000}},
    }
    assert sandbox.here("limit").document["limits"] == changed
    one = sandbox.here("limit", MIGRATION).document["limits"]
    assert one == {"migrations": {MIGRATION: {"bytes_per_s": 1000}}}
    sandbox.here("limit", MIGRATION, "--bytes-per-s", "0")
    assert sandbox.here("limit", "azure", "--bytes-per-s", "0").document == {"limits": {}}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("cloud", "--bytes-per-s", "1"), "neither a cloud nor a migration"),
        (("azure", "--bytes-per-s", "much"), "no amount"),
        (("azure", "--bytes-per-s", "-1"), "no amount"),
        (("azure", "--requests-per-s", "5MiB"), "no amount"),
        (("--bytes-per-s", "5"), "Whose limit"),
    ],
)
def test_a_limit_that_is_none_is_refused_in_a_sentence(sandbox, words, why):
    refused = sandbox.here("limit", *words)

    assert refused.exit_code == 2
    assert why in refused.sentences


def test_a_copy_s_progress_is_one_artifact_that_moves_and_ends_at_a_hundred(prefect_api):
    @flow
    async def copying():
        announce = progress.announcing(MIGRATION)
        async with shown(MIGRATION, "disk0"):
            for done in range(0, 40, 2):
                announce("disk0", done << 20, 100 << 20)
                announce("disk1", 1, 2)
                progress.announcing(f"other-{MIGRATION}")("disk0", 1, 2)
                await asyncio.sleep(0.2)
            announce("disk0", 100 << 20, 100 << 20)

    asyncio.run(copying())
    artifacts = asyncio.run(_artifacts(f"copy-{MIGRATION}-disk0"))

    assert [(one.type, one.data) for one in artifacts] == [("progress", 100.0)]
    assert artifacts[0].description == "disk0: 100 MiB of 100 MiB"


def test_no_announcement_makes_no_artifact(prefect_api):
    @flow
    async def copying():
        async with shown(MIGRATION, "disk7"):
            await asyncio.sleep(0.1)

    asyncio.run(copying())

    assert asyncio.run(_artifacts(f"copy-{MIGRATION}-disk7")) == []


async def _artifacts(key):
    async with get_client() as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        return await client.read_artifacts(artifact_filter=wanted)
