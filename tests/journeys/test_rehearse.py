"""A rehearsal goes the whole way, and leaves both ends as they were."""

import asyncio

import pytest

from coldferry.errors import ColdferryError, Denied, Refused
from coldferry.home import folder
from coldferry.migration import State, rehearsal_of
from coldferry.ports import PowerState
from flows.rehearse import rehearse
from tests.conformance.worlds import ANSWERS
from tests.journeys.test_story import VM, Ferry


def tried(ferry: Ferry, **options):
    origin, goal = ferry.blocks
    told = {"answers": ANSWERS, "inspect": False} | options
    return asyncio.run(rehearse(origin, VM, goal, **told))


def left_alone(ferry: Ferry) -> bool:
    source, target = ferry.source.cloud, ferry.target.cloud
    return (
        source.power(VM) is PowerState.RUNNING
        and source.marks(VM) is None
        and source.owned() == target.owned() == []
        and ferry.nothing_at_target
    )


@pytest.fixture(scope="module")
def done(prefect_api):
    ferry = Ferry()
    return ferry, tried(ferry)


def test_all_is_built_and_proven_and_nothing_is_left(done):
    ferry, document = done
    stopped = [call for call in ferry.source.calls if call[1] in ("stop", "mark")]

    assert [device["proof"]["equal"] for device in document["devices"]] == [True, True]
    assert document["removed"] >= 5
    assert document["left"] == []
    assert left_alone(ferry)
    assert stopped == []
    assert ("allocate", "allocate") in ferry.target.calls


def test_what_a_rehearsal_cannot_show_is_said(done):
    _, document = done

    assert {one["code"] for one in document["findings"]} >= {
        "frozen-while-running", "boot-not-checked",
    }  # fmt: skip


def test_its_manifests_go_with_it(done):
    _, document = done
    assert document["rehearsal"] == rehearsal_of(document["migration"])
    assert list(folder("manifests").glob(f"{document['migration']}*")) == []


def test_its_answers_count_for_the_migration(done):
    ferry, document = done
    report = ferry.migrate(answers=None)

    assert report["migration"] == document["migration"]
    ferry.rollback(report["migration"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "method", "task"),
    [
        ("source", "freeze", "freeze as it runs"),
        ("target", "open_disk", "copy"),
        ("target", "allocate", "allocate"),
    ],
)
def test_one_that_fails_leaves_nothing_either(prefect_api, side, method, task):
    ferry = Ferry(disks=1)
    getattr(ferry, side).fail(method, Denied("No."), task)
    with pytest.raises(ColdferryError):
        tried(ferry)

    assert left_alone(ferry)


def test_a_machine_that_is_being_moved_is_not_rehearsed(prefect_api):
    ferry = Ferry(disks=1)
    ferry.finished()
    with pytest.raises(Refused):
        tried(ferry)

    assert ferry.source.cloud.marks(VM).state is State.ALLOCATED
