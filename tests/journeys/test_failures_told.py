"""Whatever of ours fails, what a person needs first is an artifact of its run, and is sent."""

import asyncio
import json
import os
import re
import subprocess
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prefect import tags
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from coldferry.due import ABORT_AT_TAG
from coldferry.errors import Denied, Failed
from coldferry.progress import announce_step
from flows.abort import abort
from tests.journeys.fleets import Fleet
from tests.journeys.notified import listening, save_webhook, wait_for
from tests.journeys.sandbox import COLDFERRY
from tests.journeys.test_story import VM, Ferry

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api):
    return Ferry(disks=1)


def page_of(key: str) -> str:
    """The newest artifact of that key."""
    found = asyncio.run(Artifact.aget(f"failure-{key}"))
    assert found is not None
    return str(found.data)


def told_times(key: str) -> int:
    async def count() -> int:
        async with get_client() as client:
            wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[f"failure-{key}"]))
            return len(await client.read_artifacts(artifact_filter=wanted))

    return asyncio.run(count())


def commands(page: str) -> list[str]:
    return re.findall(r"^1\. `(coldferry \w+)", page, re.MULTILINE)


def test_a_cutover_that_fails_between_the_two_machines_says_that_neither_runs(ferry):
    migration = ferry.finished()
    ferry.target.fail("start", Denied("No start."), "start the new machine")
    with pytest.raises(Failed):
        ferry.cutover(migration)
    page = page_of(migration)

    assert page.startswith(f"# Failed: cutover `{migration}`")
    assert "- **Cause**: No start." in page
    assert "- **Step**: `start the new machine`" in page
    assert "- **New machine**: **stopped**: neither of the two runs." in page
    assert f"1. `coldferry cutover {migration} --security-group web" in page
    assert commands(page) == ["coldferry cutover", "coldferry rollback", "coldferry status"]


def test_a_rollback_that_fails_says_what_is_left_and_how_it_goes_on(ferry):
    migration = ferry.finished()
    ferry.target.fail("discard", Denied("No deletion."), "discard")
    with pytest.raises(Failed):
        ferry.rollback(migration)
    page = page_of(migration)

    assert page.startswith(f"# Failed: rollback `{migration}`")
    assert "- **Step**: `discard`" in page
    assert re.search(r"- \*\*What exists\*\*: \d+ objects?, ", page)
    assert commands(page) == ["coldferry rollback", "coldferry status", "coldferry audit"]


def test_a_finalising_that_fails_is_told_of(ferry):
    migration = ferry.finished()
    ferry.cutover(migration)
    ferry.source.fail("release", Denied("No deletion."), "release")
    with pytest.raises(Failed):
        ferry.finalise(migration)
    page = page_of(migration)

    assert page.startswith(f"# Failed: finalise `{migration}`")
    assert "**stopped**; it was tagged as moved, and stays halted." in page
    assert commands(page) == ["coldferry finalise", "coldferry status", "coldferry audit"]


def test_an_abort_is_told_of_once_and_not_by_the_rollback_in_it_too(ferry):
    migration = ferry.finished()
    ferry.target.fail("discard", Denied("No deletion."), "discard")
    with pytest.raises(Failed):
        asyncio.run(abort(ferry.blocks[0], VM, ferry.blocks[1], migration))

    assert told_times(migration) == 1
    assert page_of(migration).startswith(f"# Failed: abort `{migration}`")


def failed_migration(ferry) -> str:
    """Its allocation is denied; the migration's id."""
    ferry.target.fail("allocate", Denied("No machine."), "allocate")
    with pytest.raises(Failed):
        ferry.migrate()
    return str(ferry.source.cloud.marks(VM).migration)


def test_the_step_that_is_told_is_never_another_machines(ferry):
    ferry.target.before("allocate", lambda: announce_step("copy of another machine"))
    migration = failed_migration(ferry)

    assert "- **Step**: `allocate`" in page_of(migration)
    assert told_times(migration) == 1


def test_what_could_not_be_told_at_first_is_told_by_the_hook(ferry):
    def defect():
        raise RuntimeError("It breaks while it is asked.")

    ferry.source.before("tagged", defect)
    migration = failed_migration(ferry)

    assert told_times(migration) == 1
    assert "- **Cause**: No machine." in page_of(migration)


def test_minutes_are_told_of_a_run_whose_wave_has_an_end(ferry):
    end = datetime.now(UTC) + timedelta(minutes=90, seconds=59)
    with tags(f"{ABORT_AT_TAG}{end.isoformat()}"):
        migration = failed_migration(ferry)

    assert re.search(r"\*\*Window\*\*: (90|89) minutes left until", page_of(migration))


def test_a_wave_says_which_machines_failed_and_whose_sources_are_halted(prefect_api):
    fleet, name = Fleet("spoiled", "web"), f"night-{uuid.uuid4().hex[:8]}"
    fleet.target.spoiled.add("spoiled")
    fleet.run(fleet.manifest({"spoiled": {}, "web": {}}, name=name))
    page = page_of(f"wave-{name}")
    migration = str(fleet.source.marks("spoiled").migration)

    assert page.startswith(f"# Failed: wave `{name}`")
    assert "- **Machines**: 1 of 2 arrived. failed: `spoiled`." in page
    assert "- **Sources**: **halted**, and not arrived: `spoiled`." in page
    assert f"1. `coldferry abort {migration}`" in page
    assert "| `spoiled` `spoiled` | failed | **halted** | Not this one" in page


@pytest.fixture
def notified(prefect_api, tmp_path):
    """What people are told, by the automations of ``deployments/``."""

    def api(method, path, body=None):
        answer = httpx.request(method, f"{prefect_api}{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    with listening() as (url, came):
        block = save_webhook(api, url)
        answers = [
            subprocess.run(
                [str(COLDFERRY), "notify", block, "--json"],
                env=os.environ | {"PREFECT_API_URL": prefect_api},
                cwd=tmp_path, capture_output=True, text=True, check=True,
            ).stdout
            for _ in range(2)
        ]  # fmt: skip
        yield came, [json.loads(one)["automations"] for one in answers], api
        for one in api("POST", "/automations/filter", {}):
            api("DELETE", f"/automations/{one['id']}")


def test_a_notification_has_the_cause_and_the_commands(ferry, notified):
    came, given, api = notified
    migration = ferry.finished()
    ferry.target.fail("start", Denied("No start."), "start the new machine")
    with pytest.raises(Failed):
        ferry.cutover(migration)
    text = wait_for(came, "cutover failed")

    assert text.startswith(f"{migration}: cutover failed at start the new machine|")
    assert "Cause: No start." in text
    assert "New machine: STOPPED: neither of the two runs." in text
    for verb in ("cutover", "rollback", "status"):
        assert re.search(rf"^\d\. coldferry {verb} {migration}", text, re.MULTILINE)
    assert "/runs/flow-run/" in text
    assert {one["was"] for one in given[0]} == {"made"}
    assert {one["was"] for one in given[1]} == {"put right"}
    assert len(api("POST", "/automations/filter", {})) == len(given[0]) == 4
