"""Three in the morning: a migration failed, and somebody who did not write it must act."""

import json
import re
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
DENIED = {
    "operation": "compute:virtualMachines.put", "status": 403, "code": "AuthorizationFailed",
    "times": 99,
}  # fmt: skip


@pytest.fixture(scope="module")
def machine(seeder):
    """The machine that does not arrive."""
    return seeder.small(tags={"Name": "night-01"})


@pytest.fixture(scope="module")
def before(machine, arrivals):
    """What was at the target before anything began."""
    return arrivals.everything()


@pytest.fixture(scope="module")
def failed(sandbox, machine, before, seeder, tmp_path_factory):
    """Its migration failed at the very end, by a command; the migration's id."""
    answers = sandbox.answers(machine.vm, tmp_path_factory.mktemp("answers") / "answers.yaml")
    with sandbox.failing("azure", DENIED):
        ended = sandbox.here("migrate", sandbox.source, machine.vm, sandbox.target, *answers)
    assert ended.exit_code == 5, ended
    return seeder.our_tags(machine.vm)["coldferry:attempt"].split()[0]


@pytest.fixture(scope="module")
def told(sandbox, failed):
    """The artifacts that tell of it."""
    import asyncio

    from prefect.artifacts import Artifact

    async def read():
        return await Artifact.aget(f"failure-{failed}")

    with sandbox.inside():
        return asyncio.run(read())


@pytest.fixture(scope="module")
def listed(sandbox, failed, told):
    """Its line, as long as it is failed."""
    rows = sandbox.here("list").document["migrations"]
    return next(row for row in rows if row["migration"] == failed)


@pytest.fixture(scope="module")
def audited(sandbox, listed):
    """What an audit says then."""
    return sandbox.here("audit")


@pytest.fixture(scope="module")
def resumed(sandbox, failed, audited):
    """What resuming says of a run that no deployment began."""
    return sandbox.here("resume", failed)


@pytest.fixture(scope="module")
def as_the_runbook_says(sandbox, failed, resumed):
    """Every command of the runbook, in its order, at this migration; their outcomes by line."""
    names = {"MIGRATION": failed, "SOURCE": sandbox.source, "TARGET": sandbox.target}
    names |= {"WAVE": "a-wave-of-nobody-s"}
    answers = []
    for line in commands():
        words = [names.get(word, word) for word in line.split()[1:]]
        answers.append((line, sandbox.here(*words)))
    return answers


@pytest.fixture(scope="module")
def after(as_the_runbook_says, arrivals, seeder, machine):
    """Both clouds once it was aborted."""
    return arrivals.everything(), seeder.state(machine.vm), seeder.our_tags(machine.vm)


def commands():
    """The command lines that the runbook shows."""
    return re.findall(r"^    (coldferry .*)$", RUNBOOK.read_text(), re.MULTILINE)


def test_a_failed_run_tells_cause_step_power_cost_and_three_commands(failed, told, machine):
    page = told.data
    assert "Microsoft.Compute/virtualMachines/write" in page
    assert "**Step**: `allocate`" in page
    assert f"**Source** `{machine.vm}`: **stopped**; it ran before the halt." in page
    assert "**What exists**: 4 objects" in page
    assert "**Is a retry safe**: yes" in page
    assert re.findall(r"^1\. `(coldferry \w+ \S+)`", page, re.MULTILINE) == [
        f"coldferry resume {failed}", f"coldferry abort {failed}", f"coldferry status {failed}",
    ]  # fmt: skip


def test_a_list_says_where_it_stands_and_what_to_do(sandbox, failed, listed, machine):
    assert (listed["state"], listed["vm"], listed["doing"]) == ("failed", machine.vm, "ended")
    assert (listed["source"], listed["target"]) == (sandbox.source, sandbox.target)
    assert listed["run"]["state"] == "Failed"
    assert listed["age_s"] >= 0
    assert listed["next"] == f"coldferry resume {failed}"


def test_an_audit_says_that_it_is_under_way(failed, audited):
    mine = [one for one in audited.document["objects"] if one["migration"] == failed]
    kinds = {one["kind"] for one in mine}

    assert audited.exit_code == 0
    assert kinds == {"disk", "network interface", "security group", "snapshot"}
    assert {one["belongs"] for one in mine} == {"under way"}
    assert {one["usd_per_day"] for one in mine if one["kind"] == "security group"} == {0.0}
    assert all(one["usd_per_day"] > 0 for one in mine if one["kind"] == "disk")


def test_a_run_that_no_worker_can_retry_is_gone_on_with_by_the_command_that_is_named(
    sandbox, resumed, machine
):
    assert resumed.exit_code == 4
    again = f"coldferry migrate {sandbox.source} {machine.vm} {sandbox.target}"
    assert again in resumed.error["do"]


def test_every_command_of_the_runbook_does_what_it_says(as_the_runbook_says):
    """A run of a command cannot be retried by a worker (4), nor one that was aborted.

    What was aborted is not cut over (4). There is no such wave here, and no such block (2):
    ``test_a_wave_that_crashed_goes_on_by_its_name_and_only_once`` has one, and
    ``test_a_notification_has_the_cause_and_the_commands`` the other.
    """
    aborted = False
    refused = {"resume MIGRATION": 4, "resume WAVE": 2, "cutover MIGRATION": 4, "notify": 2}
    refused |= {"wave cutover": 2, "wave rollback": 2}  # nor is there such a file
    for line, answer in as_the_runbook_says:
        verb = line.split()[1]
        expected = refused.get(verb, refused.get(" ".join(line.split()[1:3]), 0))
        assert answer.exit_code == expected, (line, answer)
        aborted = aborted or verb == "abort"
    assert aborted
    assert len(as_the_runbook_says) >= 20


def test_after_an_abort_the_target_is_empty_and_the_source_runs(before, failed, after, machine):
    there, power, tags = after
    assert there == before
    assert power == "running"
    assert tags == {"coldferry:attempt": f"{failed} rolled-back {machine.vm}"}


def test_an_abort_says_that_nothing_is_left(as_the_runbook_says, failed):
    first, *_ = [answer for line, answer in as_the_runbook_says if line.split()[1] == "abort"]
    assert first.document["migration"] == failed
    assert first.document["state"] == "rolled-back"
    assert first.document["left"] == []
    assert first.document["power"] == "running"
    assert {one["kind"] for one in first.document["removed"]} >= {"disk", "snapshot"}


@pytest.mark.parametrize("verb", ["resume", "abort"])
def test_an_unknown_migration_is_bad_input(sandbox, verb):
    answer = sandbox.here(verb, "nobody-azure-00000000-a1")
    assert (answer.exit_code, answer.error["code"]) == (2, "unknown-migration")


@pytest.fixture
def wave(sandbox):
    """A wave's run that crashed, at the sandbox's Prefect server; its name and its run's id."""
    url = json.loads((sandbox.home / "prefect" / "server.json").read_text())["url"]
    with httpx.Client(base_url=url, timeout=60) as api:
        flow = api.post("/flows/", json={"name": "migrate-wave"}).json()["id"]
        deployed = {"name": "crashed-wave", "flow_id": flow}
        deployment = api.post("/deployments/", json=deployed).json()["id"]
        asked = {"tags": ["coldferry-wave:weekend-1"], "state": {"type": "CRASHED"}}
        run = api.post(f"/deployments/{deployment}/create_flow_run", json=asked).json()["id"]
        yield "weekend-1", lambda: api.get(f"/flow_runs/{run}").json()["state"]
        api.delete(f"/deployments/{deployment}")


def test_a_wave_that_crashed_goes_on_by_its_name_and_only_once(sandbox, wave):
    name, state = wave
    first, second = sandbox.here("resume", name), sandbox.here("resume", name)

    assert (first.exit_code, first.document["name"]) == (0, name)
    assert state()["name"] == "AwaitingRetry"
    assert (second.exit_code, second.error["code"]) == (4, "conflict")


def test_a_name_that_nobody_knows_is_bad_input(sandbox):
    answer = sandbox.here("resume", "no such wave")
    assert (answer.exit_code, answer.error["code"]) == (2, "unknown-migration")


def test_reconciling_where_nothing_is_dead_changes_nothing(sandbox):
    answer = sandbox.here("reconcile")
    assert (answer.exit_code, answer.document) == (0, {"crashed": [], "put_back": []})


def test_a_silence_that_a_heartbeat_may_last_is_not_taken(sandbox):
    assert sandbox.here("reconcile", "--silent-for", "10").exit_code == 2
