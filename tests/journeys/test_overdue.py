"""Nobody guards a window any more: who looks later starts what is still halted."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelling, Completed, Pending, Running

from coldferry.errors import Denied, Failed
from coldferry.home import alone
from coldferry.migration import Marks, State, pair_of
from coldferry.ports import PowerState
from flows.migrate_vm import migrate_vm
from flows.migrate_wave import migrate_wave
from flows.reconcile import reconcile
from providers.memory.cloud import MemoryCloud
from providers.memory.world import World
from tasks.waves.ending import end_children, return_overdue
from tests.conformance.worlds import a_source, add_machine
from tests.journeys.clouds import Watched, lend_source, lend_target

VM, NEW = "web", "new-web"
PAST = datetime.now(UTC) - timedelta(minutes=1)


class Left:
    """A machine that was halted and left so, its window over."""

    def __init__(self, name, **marks):
        # Scopes of its own: targets of other tests are saved, too.
        self.cloud = a_source(VM, 1, scope=str(uuid.uuid4()))
        self.target = Watched(MemoryCloud(World(str(uuid.uuid4()))))
        self.there = lend_target(self.target)
        self.migration = f"{name}-there-{pair_of(self.cloud, VM, self.target)}-a1"
        self.source = Watched(self.cloud)
        self.block = lend_source(self.source)
        self.cloud.stop(VM)
        told = {"state": State.COPYING, "power_before": "running", "abort_at": PAST, **marks}
        self.marks = Marks(self.migration, **told)
        self.cloud.mark(VM, self.marks)

    @property
    def runs(self):
        return self.cloud.power(VM) is PowerState.RUNNING

    def half_made(self):
        """Its new machine was booted, and never stopped."""
        add_machine(self.target.cloud, NEW, 1)
        self.target.cloud.world.machines[NEW].migration = self.migration

    def put_away(self):
        """No other test finds it."""
        self.cloud.mark(VM, Marks(self.migration, State.ROLLED_BACK))


@pytest.fixture
def left(prefect_api):
    """Makes such machines."""
    made = []

    def make(name, **marks):
        made.append(Left(name, **marks))
        return made[-1]

    yield make
    for one in made:
        one.put_away()


def ours(document, *machines):
    """What was put back of these."""
    named = {one.migration for one in machines}
    return [one["migration"] for one in document["put_back"] if one["migration"] in named]


def test_a_source_past_its_window_is_started_and_no_other(left):
    overdue, stopping = left("overdue"), left("stopping", state=State.APPROVED)
    others = [
        left("early", abort_at=PAST + timedelta(hours=1)),
        left("arrived", state=State.ALLOCATED),
        left("cut-over", state=State.CUT_OVER),
        left("windowless", abort_at=None),
    ]
    before_it_was_off = left("off", power_before="stopped")

    document = asyncio.run(reconcile())

    found = {one.migration for one in (overdue, stopping)}
    assert set(ours(document, overdue, stopping, *others)) == found
    assert overdue.runs
    assert stopping.runs
    assert overdue.cloud.marks(VM) == Marks(overdue.migration, State.FAILED)
    assert not [one for one in others if one.runs or one.cloud.marks(VM) != one.marks]
    assert not before_it_was_off.runs
    assert before_it_was_off.cloud.marks(VM).power_before is None


def test_a_source_that_cannot_be_started_is_told_and_found_the_next_time(left):
    one = left("refused")
    one.source.fail("start", Denied("You may not start it."), "")
    with pytest.raises(Failed, match=f"{one.migration}.* NOT started: .*may not start it"):
        asyncio.run(reconcile())
    assert not one.runs

    assert ours(asyncio.run(reconcile()), one) == [one.migration]
    assert one.runs


def test_a_new_machine_that_was_left_running_is_stopped_before_its_source_is_started(left):
    one, powers = left("booted", state=State.PROVEN), []
    one.half_made()
    one.source.before("start", lambda: powers.append(one.target.cloud.power(NEW)))

    assert ours(asyncio.run(reconcile()), one) == [one.migration]
    assert one.runs
    assert powers == [PowerState.STOPPED]


@pytest.mark.parametrize("method", ["stop", "arrived"])
def test_a_source_stays_halted_and_is_named_while_its_new_machine_may_run(left, method):
    one = left("stubborn", state=State.PROVEN)
    one.half_made()
    one.target.fail(method, Denied("Not now."), "")
    with pytest.raises(Failed, match=f"{one.migration}.* NOT started: .*must never run"):
        asyncio.run(reconcile())
    assert not one.runs

    assert ours(asyncio.run(reconcile()), one) == [one.migration]
    assert one.runs
    assert one.target.cloud.power(NEW) is PowerState.STOPPED


def test_a_source_whose_target_is_no_saved_cloud_stays_halted_and_is_named(left):
    one = left("unknown")
    one.target.cloud.scope = "elsewhere"
    with pytest.raises(Failed, match=f"{one.migration}.* NOT started: .*Save that cloud"):
        asyncio.run(reconcile())

    assert not one.runs


def test_what_a_run_on_this_machine_carries_out_is_left_to_it(left):
    one = left("carried")
    with alone(one.migration), pytest.raises(Failed, match="Another run on this machine"):
        asyncio.run(reconcile())

    assert not one.runs


async def a_run(flow, state, *tags, **parameters):
    async with get_client() as client:
        made = await client.create_flow_run(flow, tags=tags, parameters=parameters)
        await client.set_flow_run_state(made.id, state, force=True)
        return await client.read_flow_run(made.id)


async def over(*runs):
    async with get_client() as client:
        for run in runs:
            await client.delete_flow_run(run.id)


def manifest_of(one, vm=VM, **told):
    source = one.block._block_document_name
    row = {"name": "web", "vm": vm, "source": source, "target": "there"}
    return json.dumps({"name": "night", "rows": [row], **told})  # YAML reads JSON


@pytest.mark.parametrize(
    ("state", "vm", "guarded"),
    [
        (Running(), VM, True),
        (Pending(), VM, True),
        (AwaitingRetry(), VM, False),
        (Running(), "another", False),
    ],
)
def test_only_what_a_wave_is_at_work_with_is_left_to_it(left, state, vm, guarded):
    one = left("guarded")
    tag = f"coldferry-wave:{one.migration}"

    async def begun():
        child = await a_run(migrate_vm, Completed(), one.migration, tag)
        return child, await a_run(migrate_wave, state, tag, manifest=manifest_of(one, vm))

    runs = asyncio.run(begun())
    document = asyncio.run(reconcile())
    asyncio.run(over(*runs))

    assert ours(document, one) == ([] if guarded else [one.migration])
    assert one.runs is not guarded


def test_an_odd_answer_about_one_source_s_runs_leaves_the_others_to_be_put_back(left):
    odd, other = left("odd"), left("other")

    def gone():
        raise ObjectNotFound(Exception("There is no such run any more."))

    odd.source.before("marks", gone)
    with pytest.raises(Failed, match=f"{odd.migration}.* NOT started"):
        asyncio.run(reconcile())

    assert not odd.runs
    assert other.runs


@pytest.mark.parametrize(("end", "runs"), [(PAST, True), (PAST + timedelta(hours=1), False)])
def test_a_wave_that_failed_puts_back_what_is_overdue_by_then(left, end, runs):
    one = left("failed", abort_at=end)
    manifest = manifest_of(one, window={"abort_at": end.isoformat()})

    async def failed():
        wave = await a_run(migrate_wave, Running(), "coldferry-wave:failed", manifest=manifest)
        await return_overdue(migrate_wave, wave, wave.state)
        await over(wave)

    asyncio.run(failed())

    assert one.runs is runs


async def ended(child_of, *others):
    """What becomes of a child when one run of its wave is cancelled beside others."""
    tag = f"coldferry-wave:{child_of}"
    cancelled = await a_run(migrate_wave, Cancelling(), tag)
    waves = [await a_run(migrate_wave, state, tag) for state in others]
    child = await a_run(migrate_vm, Running(), tag)
    await end_children(migrate_wave, cancelled, cancelled.state)
    async with get_client() as client:
        state = (await client.read_flow_run(child.id)).state
    await over(cancelled, *waves, child)
    return state.name


def test_a_cancelled_run_of_a_wave_leaves_the_children_to_another_that_is_at_work(prefect_api):
    assert asyncio.run(ended("doubled", Running())) == "Running"


def test_runs_of_a_wave_that_are_all_cancelled_end_its_children(prefect_api):
    assert asyncio.run(ended("alone")) == "Cancelling"
    assert asyncio.run(ended("both", Cancelling())) == "Cancelling"
