"""Every task fails once transiently, and once by refusal, wherever it calls a provider.

The walk is over the package itself: a task that no run below reaches fails
the test, and so does one that calls no provider at all.
"""

import asyncio
import importlib
import pkgutil
from contextlib import suppress

import pytest
from prefect import Task, flow

import tasks
from coldferry.errors import ColdferryError, Denied, Transient
from coldferry.ports import PowerState
from flows.abort import abort
from tasks.auditing import look_everywhere
from tests.journeys.test_story import VM, Ferry


def every_task() -> set[str]:
    """The name of each task in the package."""
    found = set()
    for module in pkgutil.iter_modules(tasks.__path__, "tasks."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Task):
                found.add(value.name)
    return found


@flow(validate_parameters=False)
async def look(ferry: Ferry):
    """What an audit does, at these two clouds only."""
    await look_everywhere(dict(zip(("source", "target"), ferry.blocks, strict=True)))


def _back(ferry: Ferry, migration: str, task: str = "") -> None:
    """The way back that has the task; all of them where none is named."""
    if task in ("", "look for our tags"):
        asyncio.run(look(ferry))
    if task in ("", "confirm under way", "look what is left"):
        origin, goal = ferry.blocks
        asyncio.run(abort(origin, VM, goal, migration))
    else:
        ferry.rollback(migration)


def _there_and_back(ferry: Ferry, task: str = ""):
    report = ferry.migrate()
    assert ferry.bytes_differ(report) == []
    _back(ferry, report["migration"], task)
    return report


@pytest.fixture(scope="module")
def calls(prefect_api):
    """``task -> (side, method)``: the first provider call of each task in a healthy run."""
    ferry = Ferry(inspect=True)
    _there_and_back(ferry)
    first = {}
    for side, cloud in (("source", ferry.source), ("target", ferry.target)):
        for task, method in cloud.calls:
            if task:
                first.setdefault(task, (side, method))
    return first


def test_the_walk_reaches_every_task(calls):
    assert set(calls) == every_task()


@pytest.mark.parametrize("task", sorted(every_task()))
def test_a_transient_failure_of_a_task_does_not_end_the_migration(calls, task):
    side, method = calls[task]
    ferry = Ferry(disks=1, inspect=task.startswith("inspect"))
    cloud = getattr(ferry, side)
    cloud.fail(method, Transient("Busy."), task)
    _there_and_back(ferry, task)

    assert not cloud.pending
    assert ferry.nothing_at_target
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


@pytest.mark.parametrize("task", sorted(every_task()))
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
