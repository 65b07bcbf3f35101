"""Every task fails once transiently, and once by refusal, wherever it calls a provider.

The walk is over the package itself: a task that no run below reaches fails
the test, and so does one that calls no provider at all.
"""

import asyncio
import importlib
import pkgutil
import socket
from contextlib import suppress

import pytest
from prefect import Task, flow

import tasks
from coldferry.errors import ColdferryError, Denied, Transient
from coldferry.migration import State
from coldferry.ports import PowerState
from flows.abort import abort
from flows.plan import plan
from flows.rehearse import rehearse
from tasks.auditing import look_everywhere
from tests.conformance.worlds import ANSWERS
from tests.journeys.test_story import VM, Ferry
from tests.rates import of_a_slow_way

MEASURES = {"probe", "boot check"}
"""``probe`` asks a file server and no cloud; ``test_placement_story.py`` has what it meets. These
clouds show no console: ``test_azure_trial.py`` has what a boot check meets at one that does."""

REHEARSED = {"freeze as it runs", "remove the rehearsal", "look what the rehearsal left"}
"""Tasks of a rehearsal alone."""


def every_task() -> set[str]:
    """The name of each task in the package."""
    found = set()
    for module in pkgutil.iter_modules(tasks.__path__, "tasks."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Task):
                found.add(value.name)
    return found - MEASURES


@flow(validate_parameters=False)
async def look(ferry: Ferry):
    """What an audit does, at these two clouds only."""
    await look_everywhere(dict(zip(("source", "target"), ferry.blocks, strict=True)))


def _back(ferry: Ferry, migration: str, task: str = "") -> None:
    """The way back that has the task; all of them where none is named."""
    if task in ("", "look for our tags"):
        asyncio.run(look(ferry))
    if task in ("", "plan all"):
        asyncio.run(plan(*ferry.blocks, vms=(VM,)))
    if task in ("", "confirm under way", "look what is left"):
        origin, goal = ferry.blocks
        asyncio.run(abort(origin, VM, goal, migration))
    else:
        ferry.rollback(migration)


def _rehearse(ferry: Ferry):
    origin, goal = ferry.blocks
    asyncio.run(rehearse(origin, VM, goal, answers=ANSWERS, inspect=False))


def _there_and_back(ferry: Ferry, task: str = ""):
    report = ferry.migrate()
    assert ferry.bytes_differ(report) == []
    _back(ferry, report["migration"], task)
    return report


AFTERWARDS = {
    "look ahead", "open up", "tag as moved", "start the new machine", "check", "keep", "weigh",
    "hand over", "tag as finalised", "erase kept copies", "look once more",
    "remove the source machine",
}  # fmt: skip
"""Tasks of what comes after a migration; all others are reached by one and its way back."""


def _cut_over_there_and_back(ferry: Ferry, migration: str):
    """Cut over and rolled back, and its kept copies erased."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        ferry.cutover(migration, checks=[f"tcp:127.0.0.1:{there.getsockname()[1]}"])
    ferry.rollback(migration, target_writes="discard")
    ferry.finalise(migration)


def _for_good(ferry: Ferry, migration: str):
    ferry.cutover(migration)
    ferry.finalise(migration)


def _and_its_source_removed(ferry: Ferry):
    migration = ferry.migrate()["migration"]  # with an approval: it says what was copied
    ferry.cutover(migration)
    _remove(ferry, migration)


def _remove(ferry: Ferry, migration: str):
    ferry.finalise(migration, remove_source=True, machine=VM)


EARLY = {"freeze early", "confirm as approved", "release early"}
"""Only a machine whose copy takes long is frozen before its halt."""


@pytest.fixture(autouse=True)
def a_slow_way_where_it_takes_one(request, tmp_path, monkeypatch):
    spec = getattr(request.node, "callspec", None)
    if spec is not None and spec.params.get("task") in EARLY:
        monkeypatch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path)))


@pytest.fixture(scope="module")
def calls(prefect_api, tmp_path_factory):
    """``task -> (side, method)``: the first provider call of each task in a healthy run."""
    ferry = Ferry(inspect=True)
    _rehearse(ferry)
    _there_and_back(ferry)
    _cut_over_there_and_back(ferry, ferry.finished())
    _for_good(ferry, ferry.finished())
    gone = Ferry(disks=1)
    _and_its_source_removed(gone)
    early = Ferry(disks=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path_factory.mktemp("rates"))))
        early.migrate()
    first = {}
    clouds = [("source", ferry.source), ("target", ferry.target), ("source", gone.source)]
    clouds.append(("source", early.source))
    for side, cloud in clouds:
        for task, method in cloud.calls:
            if task:
                first.setdefault(task, (side, method))
    return first


def test_the_walk_reaches_every_task(calls):
    assert set(calls) == every_task()


def test_a_transient_failure_of_each_task_does_not_end_the_migration(calls):
    ferry = Ferry(disks=1, inspect=True)
    for task in every_task() - AFTERWARDS - REHEARSED - EARLY:
        side, method = calls[task]
        getattr(ferry, side).fail(method, Transient("Busy."), task)
    _there_and_back(ferry)

    assert not ferry.source.pending and not ferry.target.pending
    assert ferry.nothing_at_target
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(EARLY))
def test_a_transient_failure_before_the_halt_does_not_end_it_either(calls, task):
    side, method = calls[task]
    ferry = Ferry(disks=1)
    cloud = getattr(ferry, side)
    cloud.fail(method, Transient("Busy."), task)
    _there_and_back(ferry)

    assert not ferry.source.pending and not ferry.target.pending
    assert ferry.nothing_at_target
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


@pytest.mark.slow(takes_s=290)
@pytest.mark.parametrize("task", sorted(AFTERWARDS - {"remove the source machine"}))
@pytest.mark.parametrize("error", [Transient("Busy."), Denied("No.")], ids=["busy", "refused"])
def test_what_comes_afterwards_survives_a_failure_of_each_task(calls, task, error):
    side, method = calls[task]
    ferry = Ferry(disks=1)
    cloud = getattr(ferry, side)
    migration = ferry.finished()
    finalising = task in ("hand over", "tag as finalised")
    story = _for_good if finalising else _cut_over_there_and_back
    cloud.fail(method, error, task)
    if isinstance(error, Transient):
        story(ferry, migration)
    else:
        with pytest.raises(ColdferryError):
            story(ferry, migration)
        assert cloud.called_after_failure[task, method] == 0
        _again(ferry, migration, story)

    assert not cloud.pending
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []
    running = PowerState.STOPPED if finalising else PowerState.RUNNING
    assert ferry.source.cloud.power(VM) is running


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(REHEARSED))
def test_a_transient_failure_of_a_task_does_not_end_a_rehearsal(calls, task):
    side, method = calls[task]
    ferry = Ferry(disks=1)
    cloud = getattr(ferry, side)
    cloud.fail(method, Transient("Busy."), task)
    _rehearse(ferry)

    assert not cloud.pending
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


@pytest.mark.slow
@pytest.mark.parametrize("error", [Transient("Busy."), Denied("No.")], ids=["busy", "refused"])
def test_removing_the_source_survives_a_failure(calls, error):
    side, method = calls["remove the source machine"]
    ferry = Ferry(disks=1)
    cloud = getattr(ferry, side)
    cloud.fail(method, error, "remove the source machine")
    if isinstance(error, Denied):
        with pytest.raises(ColdferryError):
            _and_its_source_removed(ferry)
        assert ferry.source.cloud.owned()  # its snapshots are there as long as it may be
        _remove(ferry, ferry.source.cloud.marks(VM).migration)
    else:
        _and_its_source_removed(ferry)

    assert not cloud.pending
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []
    assert ferry.source.cloud.machines() == []


def _again(ferry: Ferry, migration: str, story):
    """From where it failed: a step that was ended refuses to begin anew."""
    if ferry.source.cloud.marks(VM).state in (State.ROLLED_BACK, State.FINALISED):
        ferry.finalise(migration)
    else:
        story(ferry, migration)


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(every_task() - AFTERWARDS - REHEARSED))
def test_a_refusal_of_a_task_is_not_tried_again_and_the_rerun_completes(calls, task):
    side, method = calls[task]
    ferry = Ferry(disks=1, inspect=task.startswith("inspect"))
    cloud = getattr(ferry, side)
    cloud.fail(method, Denied("No."), task)
    migration = None
    with suppress(ColdferryError):
        migration = ferry.migrate()["migration"]
        _back(ferry, migration, task)
    assert not cloud.pending
    assert cloud.called_after_failure[task, method] == 0

    if migration is None:
        migration = ferry.migrate()["migration"]
    ferry.rollback(migration)
    assert ferry.nothing_at_target
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
