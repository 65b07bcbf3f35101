"""Every task fails once transiently, and once by refusal, where it first calls a provider.

The walk is over the package itself: a task that no run below reaches fails
the test, and so does one that calls no provider at all. Each story is told
once, and meets the failures of all its tasks.
"""

import asyncio
import importlib
import pkgutil
import socket
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from prefect import Task, flow

import tasks
from coldferry.errors import ColdferryError, Denied, Transient
from coldferry.ports import PowerState
from flows.abort import abort
from flows.plan import plan
from flows.rehearse import rehearse
from tasks.auditing import look_everywhere
from tests.conformance.worlds import ANSWERS
from tests.faults.once import End, Once
from tests.journeys.test_story import VM, Ferry
from tests.rates import of_a_slow_way

MEASURES = {"probe", "boot check"}
"""``probe`` asks a file server and no cloud; ``test_placement_story.py`` has what it meets. These
clouds show no console: ``test_azure_trial.py`` has what a boot check meets at one that does."""

REHEARSED = {"freeze as it runs", "remove the rehearsal", "look what the rehearsal left"}
"""Tasks of a rehearsal alone."""

EARLY = {"freeze early", "confirm as approved", "release early"}
"""Only a machine whose copy takes long is frozen before its halt."""

AFTERWARDS = {
    "look ahead", "open up", "tag as moved", "start the new machine", "check", "keep", "weigh",
    "hand over", "tag as finalised", "erase kept copies", "look once more",
}  # fmt: skip
"""Tasks of what comes after a migration; others are reached by one and its way back."""

REMOVAL = "remove the source machine"

FOR_GOOD = {"hand over", "tag as finalised"}
"""Of these, what is done only where the new machine stays."""

GIVEN_UP = {"confirm under way", "look what is left"}
"""What giving a migration up does beside its way back."""

FORGIVEN = {"inspect", "inspect again", "look for our tags", "release early"}
"""A refusal of these is told in what a run answers, and ends none."""


def every_task() -> set[str]:
    """The name of each task in the package."""
    found = set()
    for module in pkgutil.iter_modules(tasks.__path__, "tasks."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Task):
                found.add(value.name)
    return found - MEASURES


MOVING = every_task() - AFTERWARDS - REHEARSED - EARLY - {REMOVAL}
"""Tasks of a migration, of looks at it, and of its way back."""


@flow(validate_parameters=False)
async def look(ferry: Ferry):
    """What an audit does, at these two clouds only."""
    await look_everywhere(dict(zip(("source", "target"), ferry.blocks, strict=True)))


def _look(ferry: Ferry):
    asyncio.run(look(ferry))


def _plan(ferry: Ferry):
    asyncio.run(plan(*ferry.blocks, vms=(VM,)))


def _give_up(ferry: Ferry, migration: str):
    origin, goal = ferry.blocks
    asyncio.run(abort(origin, VM, goal, migration))


def _rehearse(ferry: Ferry):
    origin, goal = ferry.blocks
    asyncio.run(rehearse(origin, VM, goal, answers=ANSWERS, inspect=False))


@contextmanager
def _a_check():
    with socket.create_server(("127.0.0.1", 0)) as there:
        yield [f"tcp:127.0.0.1:{there.getsockname()[1]}"]


def _remove(ferry: Ferry, migration: str):
    ferry.finalise(migration, remove_source=True, machine=VM)


def _early(ferry: Ferry, folder, carried: Callable[[Callable], dict]):
    """A migration whose disks are copied before the halt, as its way is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFERRY_RATES", str(of_a_slow_way(folder)))
        return carried(ferry.migrate)


@dataclass
class Told:
    """The ends of all stories, and what failed in them."""

    failures: Once
    moved: End
    rehearsed: End
    rolled_back: End
    finalised: End
    early: End
    removed: End


@pytest.fixture(scope="module")
def busy(prefect_api, tmp_path_factory):
    """Every story that there is; each task's first call in it is answered "busy"."""
    once = Once(Transient("Busy."), every_task())
    ferry = once.at(Ferry(disks=1, inspect=True))
    report = ferry.migrate()
    assert ferry.bytes_differ(report) == []
    _look(ferry)
    _plan(ferry)
    _give_up(ferry, report["migration"])
    moved = End.of(ferry, once)
    _rehearse(ferry)
    rehearsed = End.of(ferry, once)

    migration = ferry.finished()
    with _a_check() as checks:
        ferry.cutover(migration, checks=checks)
    ferry.rollback(migration, target_writes="discard")
    ferry.finalise(migration)
    rolled_back = End.of(ferry, once)
    migration = ferry.finished()
    ferry.cutover(migration)
    ferry.finalise(migration)
    finalised = End.of(ferry, once)

    other = once.at(Ferry(disks=1))
    report = _early(other, tmp_path_factory.mktemp("rates"), lambda migrate: migrate())
    assert other.bytes_differ(report) == []
    _give_up(other, report["migration"])
    early = End.of(other, once)
    migration = other.migrate()["migration"]  # with an approval: it says what was copied
    other.cutover(migration)
    _remove(other, migration)
    removed = End.of(other, once)
    return Told(once, moved, rehearsed, rolled_back, finalised, early, removed)


def test_the_walk_reaches_every_task(busy):
    assert set(busy.failures.failed) == every_task()


def test_a_transient_failure_of_each_task_does_not_end_the_migration(busy):
    assert busy.moved.failed == MOVING
    assert busy.moved.nothing_at_target
    assert busy.moved.power is PowerState.RUNNING


def test_a_transient_failure_before_the_halt_does_not_end_it_either(busy):
    assert busy.early.failed >= EARLY
    assert busy.early.nothing_at_target
    assert busy.early.power is PowerState.RUNNING


def test_what_comes_afterwards_survives_a_transient_failure_of_each_task(busy):
    assert busy.rolled_back.failed >= AFTERWARDS - FOR_GOOD
    assert busy.rolled_back.owned == []
    assert busy.rolled_back.power is PowerState.RUNNING
    assert busy.finalised.failed >= FOR_GOOD
    assert busy.finalised.owned == []
    assert busy.finalised.power is PowerState.STOPPED


def test_a_transient_failure_of_a_task_does_not_end_a_rehearsal(busy):
    assert busy.rehearsed.failed >= REHEARSED
    assert busy.rehearsed.owned == []
    assert busy.rehearsed.power is PowerState.RUNNING


def test_removing_the_source_survives_a_transient_failure(busy):
    assert REMOVAL in busy.removed.failed
    assert busy.removed.owned == []
    assert busy.removed.power is None  # it is gone


@dataclass
class Refused:
    """What was refused, and the end that was come to in spite of it."""

    stories: tuple[Once, ...]
    ends: tuple[End, ...]

    def of(self, task: str) -> Once:
        (story,) = [one for one in self.stories if task in one.failed]
        return story


@pytest.fixture(scope="module")
def refused(prefect_api, tmp_path_factory):
    """Two migrations and their ways back: each run goes past what was refused to the one before."""
    moving = Once(Denied("No."), MOVING, one_a_run=True, forgiven=FORGIVEN)
    ferry = moving.at(Ferry(disks=1, inspect=True))
    report = moving.until_done(ferry.migrate)
    assert ferry.bytes_differ(report) == []
    moving.until_done(lambda: _look(ferry))
    moving.until_done(lambda: _plan(ferry))
    rest, moving.left = moving.left - GIVEN_UP, moving.left & GIVEN_UP
    moving.until_done(lambda: _give_up(ferry, report["migration"]))
    given_up = End.of(ferry, moving)

    early = Once(Denied("No."), EARLY, one_a_run=True, forgiven=FORGIVEN)
    other = early.at(Ferry(disks=1))
    report = _early(other, tmp_path_factory.mktemp("rates"), early.until_done)
    assert other.bytes_differ(report) == []
    early.left |= rest
    early.until_done(lambda: other.rollback(report["migration"]))
    return Refused((moving, early), (given_up, End.of(other, early)))


@pytest.mark.slow(takes_s=100)
@pytest.mark.parametrize("task", sorted(MOVING | EARLY))
def test_a_refusal_of_a_task_is_not_tried_again_and_the_rerun_completes(refused, task):
    story = refused.of(task)
    assert story.called_after[task] == 0
    assert (task in story.ended) is (task not in FORGIVEN)
    assert all(end.nothing_at_target for end in refused.ends)
    assert all(end.power is PowerState.RUNNING for end in refused.ends)


@pytest.fixture(scope="module")
def refused_afterwards(prefect_api):
    """A cutover and its way back, then one for good; each step is run until nothing refuses it."""
    once = Once(Denied("No."), AFTERWARDS, one_a_run=True)
    ferry = once.at(Ferry(disks=1))
    first = ferry.finished()
    with _a_check() as checks:
        once.until_done(lambda: ferry.cutover(first, checks=checks))
    once.until_done(lambda: ferry.rollback(first, target_writes="discard"))
    once.until_done(lambda: ferry.finalise(first))
    rolled_back = End.of(ferry, once)
    second = ferry.finished()
    once.until_done(lambda: ferry.cutover(second))
    once.until_done(lambda: ferry.finalise(second))
    return Refused((once,), (rolled_back, End.of(ferry, once)))


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(AFTERWARDS))
def test_what_comes_afterwards_survives_a_refusal_of_each_task(refused_afterwards, task):
    story = refused_afterwards.of(task)
    rolled_back, finalised = refused_afterwards.ends
    assert story.called_after[task] == 0
    assert task in story.ended
    assert (task in rolled_back.failed) is (task not in FOR_GOOD)
    assert rolled_back.owned == finalised.owned == []
    assert rolled_back.power is PowerState.RUNNING
    assert finalised.power is PowerState.STOPPED


@pytest.mark.slow
def test_removing_the_source_survives_a_refusal(prefect_api):
    once = Once(Denied("No."), {REMOVAL})
    ferry = once.at(Ferry(disks=1))
    migration = ferry.migrate()["migration"]
    ferry.cutover(migration)
    with pytest.raises(ColdferryError):
        _remove(ferry, migration)
    assert set(once.failed) == {REMOVAL}
    assert ferry.source.cloud.owned()  # its snapshots are there as long as it may be
    _remove(ferry, migration)

    assert End.of(ferry, once).owned == []
    assert ferry.source.cloud.machines() == []
