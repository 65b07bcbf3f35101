"""A group is cut over in its order, stopped by a failing check, gone on with, and taken back."""

import json
import socket

import pytest

from coldferry.errors import BadInput, Denied, Refused, Rejected
from coldferry.home import folder
from tests.journeys.fleets import states
from tests.journeys.handovers import Arrived

NOBODY = "tcp:127.0.0.1:1"
FAILING = {"checks": [NOBODY], "checks_within_s": 0}


class Story:
    """The shop's cutover with a check that fails, the same again, and its way back."""

    def __init__(self):
        self.fleet = fleet = Arrived("web", "app", "db")
        with pytest.raises(Refused) as asked:
            fleet.cut_over(fleet.shop(), go=False)
        self.asked = asked.value
        self.failed = fleet.cut_over(fleet.shop(app=FAILING), "shop")
        self.at_first = list(fleet.started_at_target)
        with socket.create_server(("127.0.0.1", 0)) as there:
            good = f"tcp:127.0.0.1:{there.getsockname()[1]}"
            self.manifest = fleet.shop(app={"checks": [good]}, web={"checks": [good]})
            self.done = fleet.cut_over(self.manifest)
        self.started = list(fleet.started_at_target)
        self.running = fleet.running_at_target, fleet.running_at_source
        with pytest.raises(Refused, match="What becomes of what 3 new machines") as asked:
            fleet.roll_back(self.manifest, target_writes="")
        self.way_back_asked = asked.value
        with pytest.raises(Rejected, match="stopped"):
            fleet.roll_back(self.manifest, target_writes="stop")
        self.still_running = fleet.running_at_target
        self.back = fleet.roll_back(self.manifest)


@pytest.fixture(scope="module")
def story(prefect_api):
    return Story()


@pytest.mark.slow
def test_one_question_lists_machines_groups_and_checks_in_order(story):
    said = str(story.asked)

    assert "in this order: db, app, web" in said
    assert "1. db: db, behind web; checks: none." in said
    assert "3. web after app: web, behind web" in said
    assert "--yes" in story.asked.do


@pytest.mark.slow
def test_a_failing_check_of_one_stops_those_after_it_and_says_both_commands(story):
    assert story.at_first == ["db", "app"]
    assert states(story.failed) == {
        "db": "cut-over", "app": "checks-failed", "web": "not-started",
    }  # fmt: skip
    assert "coldferry wave cutover FILE" in story.failed["do"]
    assert "coldferry wave rollback FILE" in story.failed["do"]


@pytest.mark.slow
def test_the_same_again_starts_only_what_is_left_in_the_order_of_the_wave(story):
    assert story.started == ["db", "app", "web"]
    assert states(story.done) == dict.fromkeys(("db", "app", "web"), "cut-over")
    assert story.running == ({"db", "app", "web"}, set())
    assert [len(row["checks"]) for row in story.done["rows"]] == [0, 1, 1]
    assert json.loads((folder("reports") / "wave-weekend-cutover.json").read_text())["decided"]


@pytest.mark.slow
def test_the_way_back_asks_once_what_becomes_of_all_new_data(story):
    assert "Rolled back together: db, app, web." in str(story.way_back_asked)
    assert "--target-writes discard" in story.way_back_asked.do
    assert story.still_running == {"db", "app", "web"}


@pytest.mark.slow
def test_a_group_goes_back_stopped_against_its_order_and_started_along_it(story):
    fleet = story.fleet

    assert list(dict.fromkeys(fleet.target.stopped)) == ["web", "app", "db"]
    assert fleet.started_at_source == ["db", "app", "web"]
    assert states(story.back) == dict.fromkeys(("db", "app", "web"), "rolled-back")
    assert fleet.running_at_source == {"web", "app", "db"}
    assert not fleet.target.world.machines
    assert all(disk.kept for disk in fleet.target.world.disks.values())
    assert [len(row["kept"]) for row in story.back["rows"]] == [1, 1, 1]


def test_three_are_started_each_after_the_next_and_put_back_in_that_order(prefect_api):
    fleet = Arrived("web", "app", "db")
    there = fleet.cut_over(fleet.shop())
    back = fleet.roll_back(fleet.shop())

    assert states(there) == dict.fromkeys(("db", "app", "web"), "cut-over")
    assert fleet.started_at_target == ["db", "app", "web"]
    assert list(dict.fromkeys(fleet.target.stopped)) == ["web", "app", "db"]
    assert fleet.started_at_source == ["db", "app", "web"]
    assert states(back) == dict.fromkeys(("db", "app", "web"), "rolled-back")


def test_a_group_with_one_that_has_not_arrived_is_refused_with_nothing_started(prefect_api):
    fleet = Arrived("app", "db")
    with pytest.raises(Refused, match="web has not arrived") as refused:
        fleet.cut_over(fleet.shop())

    assert [one.code for one in refused.value.findings] == ["not-arrived"]
    assert fleet.started_at_target == []
    assert {fleet.state(name) for name in ("app", "db")} == {"allocated"}


@pytest.mark.slow
def test_all_that_stands_against_a_cutover_is_named_at_once(prefect_api):
    fleet = Arrived("web", "app", "db")
    manifest = fleet.shop(web={"security_groups": []}, db={"security_groups": ["nobody-s"]})
    with pytest.raises(Refused) as groups:
        fleet.cut_over(manifest)
    for name in ("app", "db"):
        fleet.source.start(name)
    with pytest.raises(Refused) as run_again:
        fleet.cut_over(fleet.shop())

    assert [found.subject for found in groups.value.findings] == ["db", "web"]
    assert {found.subject for found in run_again.value.findings} == {"app", "db"}
    assert fleet.started_at_target == []


@pytest.mark.slow
def test_a_need_outside_the_group_is_cut_over_first_or_named_as_done_without(prefect_api):
    fleet = Arrived("web", "app", "db")
    manifest = fleet.shop(db={"group": ""})
    with pytest.raises(Refused, match="app starts after db, which is not cut over") as refused:
        fleet.cut_over(manifest, "shop")
    with pytest.raises(BadInput, match="no other row"):
        fleet.cut_over(manifest, "shop", without=["app"])
    first = fleet.cut_over(manifest, "db")
    then = fleet.cut_over(manifest, "shop")

    assert "--without db" in refused.value.do
    assert states(first) == {"db": "cut-over"}
    assert states(then) == {"app": "cut-over", "web": "cut-over"}
    assert fleet.started_at_target == ["db", "app", "web"]
    with pytest.raises(Refused, match="app starts after db, and runs at the target"):
        fleet.roll_back(manifest, "db")
    assert fleet.running_at_target == {"db", "app", "web"}


@pytest.mark.slow
def test_what_one_can_do_without_is_left_where_it_is(prefect_api):
    fleet = Arrived("web", "app", "db")
    manifest = fleet.shop(db={"group": ""})

    assert states(fleet.cut_over(manifest, "shop", without=["db"])) == {
        "app": "cut-over", "web": "cut-over",
    }  # fmt: skip
    assert fleet.started_at_target == ["app", "web"]
    assert fleet.state("db") == "allocated"


@pytest.mark.slow
def test_one_group_that_fails_stops_no_other(prefect_api):
    fleet = Arrived("web", "app", "db")
    manifest = fleet.shop(
        app={"group": "one", "after": [], **FAILING},
        db={"group": "two"},
        web={"group": "one", "after": ["app"]},
    )
    told = fleet.cut_over(manifest)

    assert states(told) == {"db": "cut-over", "app": "checks-failed", "web": "not-started"}
    assert "wave rollback FILE --group one'" in told["do"]


@pytest.mark.slow
def test_copies_that_cannot_be_made_leave_every_new_machine_and_start_no_source(prefect_api):
    fleet = Arrived("web", "app", "db")
    manifest = fleet.shop()
    fleet.cut_over(manifest)
    keep = fleet.target.keep

    def refuse_one(migration):
        if migration == fleet.migrations["db"]:
            raise Denied("No.")
        return keep(migration)

    fleet.target.keep = refuse_one
    told = fleet.roll_back(manifest)
    assert (fleet.started_at_source, len(fleet.target.world.machines)) == ([], 3)
    assert states(told)["db"] == "denied"

    fleet.target.keep = keep
    assert states(fleet.roll_back(manifest)) == dict.fromkeys(
        ("db", "app", "web"), "rolled-back"
    )  # fmt: skip


@pytest.mark.slow
def test_a_source_that_will_not_start_holds_back_what_starts_after_it(prefect_api):
    fleet = Arrived("web", "app", "db")
    manifest = fleet.shop()
    fleet.cut_over(manifest)
    start = fleet.source.start

    def refuse_one(vm):
        if vm == "app":
            raise Denied("No.")
        start(vm)

    fleet.source.start = refuse_one
    told = fleet.roll_back(manifest)
    assert fleet.started_at_source == ["db"]
    assert (states(told)["app"], states(told)["web"]) == ("denied", "not-rolled-back")
    assert "wave rollback FILE'" in told["do"]

    fleet.source.start = start
    fleet.roll_back(manifest)
    assert fleet.started_at_source == ["db", "app", "web"]
    assert {fleet.state(name) for name in ("db", "app", "web")} == {"rolled-back"}


@pytest.mark.slow
def test_a_group_that_was_never_cut_over_goes_back_unasked(prefect_api):
    fleet = Arrived("web", "app", "db")
    told = fleet.roll_back(fleet.shop(), target_writes="")

    assert states(told) == dict.fromkeys(("db", "app", "web"), "rolled-back")
    assert not fleet.target.world.disks
    assert fleet.started_at_source == ["db", "app", "web"]


@pytest.mark.slow
def test_one_cut_over_by_itself_is_checked_and_not_started_again(prefect_api):
    fleet = Arrived("web", "app", "db")
    fleet.cut_over(fleet.shop(), "shop")
    told = fleet.cut_over(fleet.shop(db=FAILING), "shop", go=False)

    assert states(told) == {"db": "checks-failed", "app": "not-checked", "web": "not-checked"}
    assert fleet.started_at_target == ["db", "app", "web"]


def test_a_machine_whose_source_is_gone_is_not_left_at_the_target_without_what_it_needs(
    prefect_api,
):
    fleet = Arrived("app", "db")
    manifest = fleet.manifest(
        {"db": {"security_groups": ["web"]}, "app": {"after": ["db"], "security_groups": ["web"]}}
    )
    fleet.cut_over(manifest)
    del fleet.source.world.machines["app"]
    with pytest.raises(Refused) as all_of_it:
        fleet.roll_back(manifest)
    with pytest.raises(Refused) as by_itself:
        fleet.roll_back(manifest, "db")

    assert [one.code for one in all_of_it.value.findings] == ["source-gone"]
    assert [one.code for one in by_itself.value.findings] == ["needed-by-gone"]
    assert fleet.running_at_target == {"app", "db"}
    assert states(fleet.roll_back(manifest, "db", without=["app"])) == {"db": "rolled-back"}
