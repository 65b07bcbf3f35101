"""A wave is foreseen before it is approved, expected while it goes, and reported at its end."""

import asyncio
import time
from datetime import UTC, datetime

import httpx
import pytest

from coldferry.foretelling import DOWNTIME, SENT
from coldferry.machine import Tag
from coldferry.precedents import EMPTY
from coldferry.waves.reading import read_wave
from coldferry.waves.selecting import Selector
from flows.migrate_wave import migrate_wave
from tasks.waves.clouds import load_clouds
from tasks.waves.foreseeing import foretell
from tasks.waves.looking import document_of, look, wave_named
from tasks.waves.planning import plan_all
from tasks.waves.reporting import report_on
from tests.journeys.fleets import Fleet, states

WITHIN_S = 240


def artifacts(api, *keys):
    """The newest of each key, as the server has it."""
    asked = {"artifacts": {"key": {"any_": list(keys)}}}
    found = httpx.post(f"{api}/artifacts/latest/filter", json=asked, timeout=30).json()
    return {one["key"]: one for one in found}


def planned(fleet, **rows):
    """The wave as it is foreseen now."""
    wave = read_wave(fleet.manifest(rows), "yaml")

    async def made():
        return await plan_all(wave.rows, await load_clouds(wave), EMPTY)

    return foretell(wave, asyncio.run(made()), datetime.now(UTC))


def status(wave):
    async def looked():
        return await document_of(wave, await look(wave, await load_clouds(wave)))

    document = asyncio.run(looked())
    return document, {row["name"]: row for row in document["rows"]}


class Story:
    """Three machines of which one fails; the page is read while the last is allocated."""

    def __init__(self, api):
        self.fleet = Fleet("web", "db", "spoiled")
        self.fleet.target.spoiled.add("spoiled")
        rows = {"web": {"owner": "Shop", "after": ["db"]}, "db": {}, "spoiled": {}}
        self.manifest = self.fleet.manifest(rows, name="foreseen", machines_at_once=1)
        self.wave = read_wave(self.manifest, "yaml")
        self.before = status(self.wave)
        self.expected = ""
        allocate = self.fleet.target.allocate

        def waits(plan, disks):
            if plan.machine.name == "db":
                self.expected = self._page(api)
            return allocate(plan, disks)

        self.fleet.target.allocate = waits
        self.document = self.fleet.run(self.manifest)
        self.artifacts = artifacts(
            api, "plan-of-wave-foreseen", "wave-foreseen", "report-of-wave-foreseen"
        )

    @staticmethod
    def _page(api):
        """Once it says when something is expected."""
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            page = artifacts(api, "wave-foreseen").get("wave-foreseen")
            if page and "not before" in page["data"]:
                return page["data"]
            time.sleep(0.2)
        return ""


@pytest.fixture(scope="module")
def story(prefect_api, tmp_path_factory):
    """In a home of its own: from the reports of others it would know how long all steps take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFERRY_HOME", str(tmp_path_factory.mktemp("home")))
        yield Story(prefect_api)


def test_the_first_that_a_wave_shows_is_its_plan(story):
    plan, page = story.artifacts["plan-of-wave-foreseen"], story.artifacts["wave-foreseen"]

    assert plan["created"] < page["created"]
    assert "3 machines: 0 red, 0 amber, 3 green." in plan["data"]
    assert "Held up most by" in plan["data"]
    assert "| green | `web` `web` |" in plan["data"]


def test_the_page_says_when_a_machine_is_expected_while_it_goes(story):
    assert "The last machine is expected not before" in story.expected


def test_a_wave_s_report_has_what_each_machine_took_beside_its_estimate(story):
    page = story.artifacts["report-of-wave-foreseen"]["data"]
    report = asyncio.run(_report(story))
    told = {
        row["name"]: {one["what"]: one for one in row["outcomes"]}
        for row in report.as_json()["rows"]
    }

    assert states(story.document) == {"web": "done", "db": "done", "spoiled": "failed"}
    assert told["spoiled"] == {}
    assert 0 < told["web"][SENT]["actual"] <= told["web"][SENT]["estimate"]
    assert told["web"][DOWNTIME]["actual"] is not None
    assert "| **all 2** | downtime | >= " in page
    assert page.partition("\n## ")[2] == report.as_markdown().partition("\n## ")[2]


async def _report(story):
    looked = await look(story.wave, await load_clouds(story.wave))
    return await report_on(story.wave, {one.row.name: one.standing for one in looked})


def test_where_a_wave_stands_is_told_of_its_sources_tags_without_a_run(story):
    _, before = story.before
    document, rows = status(story.wave)

    assert {row["state"] for row in before.values()} == {"planned"}
    assert "begin it again" in before["web"]["next"]
    assert states(document) == {"web": "done", "db": "done", "spoiled": "failed"}
    assert rows["web"]["marked"] == "allocated"
    assert "to be cut over" in rows["web"]["next"]
    assert rows["spoiled"]["source_halted"]
    assert rows["spoiled"]["command"] == f"coldferry resume {rows['spoiled']['migration']}"
    assert "ITS SOURCE IS HALTED" in rows["spoiled"]["next"]


def test_a_wave_is_found_by_its_name(story):
    assert asyncio.run(wave_named("foreseen")) == story.wave


def test_a_source_that_does_not_answer_is_said_to_be_silent(story):
    marks = story.fleet.source.marks
    story.fleet.source.marks = _unreachable
    try:
        _, rows = status(story.wave)
    finally:
        story.fleet.source.marks = marks

    assert "does not answer" in rows["web"]["next"]


def _unreachable(vm):
    from coldferry.errors import Unreachable

    raise Unreachable(f"No answer about {vm}.")


def test_a_quota_that_holds_each_machine_but_not_all_is_told(prefect_api):
    fleet = Fleet("web", "db")
    fleet.target.world.vcpus_left = 3
    plan = planned(fleet, web={}, db={})

    assert (plan.outlook.fits, plan.outlook.short) == (False, ("vCPUs: 4 needed, 3 left",))
    assert {str(row.light) for row in plan.rows} == {"green"}


def test_a_row_that_asks_is_foreseen_and_one_that_cannot_go_is_not(prefect_api):
    fleet = Fleet("web", "taken", "open")
    fleet.target.world.machines["taken"] = fleet.source.world.machines["taken"]
    plan = planned(fleet, web={}, taken={}, open={"answers": {}})
    rows = {row["name"]: row for row in plan.as_json()["rows"]}

    assert {name: row["light"] for name, row in rows.items()} == {
        "web": "green", "taken": "red", "open": "amber",
    }  # fmt: skip
    assert rows["taken"]["findings"][0]["code"] == "name-taken"
    assert rows["taken"]["estimate"] is None
    assert rows["open"]["missing"] == ["nics[0].subnet_id"]
    assert rows["open"]["expected"]["late"] == ""
    assert sum(rows["web"]["verdicts"].values()) > 20


@pytest.mark.slow
def test_a_wave_by_tags_is_found_by_its_name_too(prefect_api):
    fleet = Fleet("web")
    stored = fleet.source.world.machines["web"]
    tags = (Tag(key="wave", value="one"),)
    stored.machine = stored.machine.model_copy(update={"tags": tags})
    ends = {"source": fleet.origin, "target": fleet.goal, "tags": {"wave": "one"}}
    selector = Selector(name="by tags of one", options={"inspect": False}, **ends)
    with pytest.raises(Exception, match="nics"):
        asyncio.run(migrate_wave(selector=selector))

    assert [row.vm for row in asyncio.run(wave_named("by tags of one")).rows] == ["web"]
