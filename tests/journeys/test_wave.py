"""Waves of machines in memory, without a worker, against a real Prefect server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from coldferry.errors import BadInput, NotAsApproved, TranslationsMissing
from coldferry.inquiry import first_page
from coldferry.machine import Tag
from coldferry.ports import PowerState
from coldferry.precedents import EMPTY
from coldferry.waves.reading import read_wave
from coldferry.waves.selecting import Selector
from flows.migrate_vm import migrate_vm
from flows.migrate_wave import migrate_wave
from tasks.asking import field_name
from tasks.waves.asking import as_inquiry, form, open_gaps
from tasks.waves.carrying import carry_out
from tasks.waves.clouds import load_clouds, load_named
from tasks.waves.here import Here
from tasks.waves.planning import plan_all
from tests.conformance.worlds import ANSWERS, add_machine
from tests.journeys.fleets import Fleet, states

ROWS = {
    "spoiled": {"group": "pair"},
    "mate": {"group": "pair"},
    "taken": {},
    "web": {"after": ["db"]},
    "db": {},
    "changed": {},
}


class Story:
    """Six machines: one fails while it is copied, one is refused, one changes once others go."""

    def __init__(self):
        self.fleet = Fleet(*ROWS)
        self.fleet.target.spoiled.add("spoiled")
        there = self.fleet.target.world.machines
        there["taken"] = self.fleet.source.world.machines["taken"]
        self._change_while("db")
        self.manifest = self.fleet.manifest(ROWS, machines_at_once=1)
        self.first = self.fleet.run(self.manifest)
        self.stopped = list(self.fleet.source.stopped)
        self.untouched = {
            name: (self.fleet.state(name), self.fleet.source.power(name))
            for name in ("mate", "taken", "changed")
        }

    def _change_while(self, name):
        allocate = self.fleet.target.allocate
        stored = self.fleet.source.world.machines["changed"]

        def change_meanwhile(plan, disks):
            if plan.machine.name == name:
                stored.machine = stored.machine.model_copy(update={"vcpus": 1})
            return allocate(plan, disks)

        self.fleet.target.allocate = change_meanwhile

    def why(self, name):
        return next(row["why"] for row in self.first["rows"] if row["name"] == name)


@pytest.fixture(scope="module")
def story(prefect_api):
    return Story()


def test_a_wave_ends_as_its_manifest_says(story):
    assert states(story.first) == {
        "spoiled": "failed",
        "mate": "skipped",
        "taken": "refused",
        "web": "done",
        "db": "done",
        "changed": "waiting",
    }


def test_machines_are_halted_against_the_order_that_they_start_in(story):
    assert [vm for vm in story.stopped if vm in ("web", "db")] == ["web", "db"]


def test_one_failure_stops_its_group_before_it_is_touched_and_nothing_else(story):
    assert story.fleet.state("spoiled") == "failed"
    assert set(story.untouched.values()) == {("", PowerState.RUNNING)}


def test_a_machine_that_changed_after_the_approval_says_where(story):
    assert "changed at vcpus" in story.why("changed")


@pytest.mark.slow
def test_the_same_wave_again_does_only_what_is_left(story):
    story.fleet.target.spoiled.clear()
    del story.fleet.target.world.machines["taken"]
    story.fleet.source.stopped.clear()
    again = story.fleet.run(story.manifest)

    assert set(states(again).values()) == {"done"}
    assert set(story.fleet.source.stopped) == {"spoiled", "mate", "taken", "changed"}


def test_without_answers_a_wave_names_every_gap_and_halts_nothing(prefect_api):
    fleet = Fleet("web", "db")
    with pytest.raises(TranslationsMissing) as ended:
        fleet.run(fleet.manifest({"web": {"answers": {}}, "db": {"answers": {}}}))

    assert ended.value.missing == ["web: nics[0].subnet_id", "db: nics[0].subnet_id"]
    assert "coldferry gaps" in ended.value.do
    assert fleet.source.stopped == []


def test_a_migration_is_held_to_the_plan_that_was_approved_before(prefect_api):
    fleet = Fleet("web")
    origin, goal = (asyncio.run(load_named({one}))[one] for one in (fleet.origin, fleet.goal))
    with pytest.raises(NotAsApproved, match="changed at the machine"):
        asyncio.run(
            migrate_vm(origin, "web", goal, answers=ANSWERS, inspect=False, approved="0" * 64)
        )
    with pytest.raises(NotAsApproved) as ended:
        asyncio.run(migrate_vm(origin, "web", goal, inspect=False, approved="0" * 64))

    assert ended.value.missing == ["nics[0].subnet_id"]
    assert fleet.source.stopped == []


def test_one_form_asks_once_for_what_several_machines_leave_open(prefect_api):
    fleet = Fleet("web", "db")
    open_ = {"answers": {}}
    wave = read_wave(fleet.manifest({"web": open_, "db": open_}), "yaml")

    async def asked():
        rows = await plan_all(wave.rows, await load_clouds(wave), EMPTY)
        gaps = open_gaps(rows)
        page = first_page([as_inquiry(gap) for gap in gaps])
        return gaps, form(wave, page, gaps, rows)

    (gap,), made = asyncio.run(asked())
    field = made.model_json_schema()["properties"][field_name(gap.id)]

    assert field["title"].endswith("(2 machines)")
    assert field["enum"] == ["net/one", "net/two"]
    assert "Asked by `web`, `db`. Path: `nics[0].subnet_id`." in field["description"]


@pytest.mark.slow  # Prefect lets a waiting run look again after some seconds
def test_a_global_limit_bounds_how_many_are_moved_at_a_cloud(prefect_api):
    fleet = Fleet("one", "two", "three")
    limit = f"coldferry-{fleet.origin}"
    made = GlobalConcurrencyLimitCreate(name=limit, limit=1)
    moving, most = set(), []
    freeze, allocate = fleet.source.freeze, fleet.target.allocate

    def begin(vm, *rest):
        moving.add(vm)
        most.append(len(moving))
        return freeze(vm, *rest)

    def end(plan, disks):
        moving.discard(plan.machine.origin.id)
        return allocate(plan, disks)

    fleet.source.freeze, fleet.target.allocate = begin, end

    async def limited():
        async with get_client() as client:
            await client.create_global_concurrency_limit(made)

    asyncio.run(limited())
    document = fleet.run(fleet.manifest({name: {} for name in ("one", "two", "three")}))

    assert set(states(document).values()) == {"done"}
    assert most == [1, 1, 1]


def test_a_window_that_ends_puts_a_halted_source_back(prefect_api):
    fleet = Fleet("slow")
    start = datetime(2031, 5, 3, 20, tzinfo=UTC)
    window = {"abort_at": (start + timedelta(hours=4)).isoformat()}
    # A byte a second: it is under way for as long as nobody ends it.
    wave = read_wave(
        fleet.manifest({"slow": {}}, window=window, bytes_per_s=1, machines_at_once=1), "yaml"
    )

    def clock():
        return start + timedelta(hours=5 if fleet.state("slow") == "copying" else 1)

    @flow
    async def windowed():
        clouds = await load_clouds(wave)
        return await carry_out(wave, clouds, Here(wave, clouds, migrate_vm), clock)

    ended = asyncio.run(windowed())

    assert ended["slow"].state == "put-back"
    assert fleet.source.power("slow") is PowerState.RUNNING
    assert fleet.source.marks("slow").power_before is None


def test_a_wave_is_all_machines_that_bear_the_tags(prefect_api):
    fleet = Fleet("web", "db", "other")
    for name in ("web", "db"):
        stored = fleet.source.world.machines[name]
        tags = (Tag(key="wave", value="one"),)
        stored.machine = stored.machine.model_copy(update={"tags": tags})
    selector = Selector(
        name="by tags",
        source=fleet.origin,
        target=fleet.goal,
        tags={"wave": "one"},
        options={"inspect": False, "use_book": False},
    )
    with pytest.raises(TranslationsMissing) as ended:
        asyncio.run(migrate_wave(selector=selector))

    assert ended.value.missing == ["db: nics[0].subnet_id", "web: nics[0].subnet_id"]


def test_neither_a_manifest_nor_a_selector_is_bad_input(prefect_api):
    with pytest.raises(BadInput, match="Which machines"):
        asyncio.run(migrate_wave())


def test_a_row_says_what_becomes_of_its_machine_s_devices():
    fleet = Fleet("web")
    add_machine(fleet.source, "db", 2)
    manifest = fleet.manifest({"web": {}, "db": {"placement": {"disk1": "drop"}}})

    document = fleet.run(manifest)

    assert states(document) == {"web": "done", "db": "done"}
    migration = fleet.source.marks("db").migration
    assert [one.migration for one in fleet.target.world.disks.values()].count(migration) == 1
