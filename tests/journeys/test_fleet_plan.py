"""The deployment ``plan``: every machine of a source as one table."""

import asyncio

from prefect.artifacts import Artifact

from coldferry.migration import slug
from flows.plan import plan
from tasks.clouds import load
from tests.journeys.fleets import Fleet

NAMES = ("anvil", "**bold**")


def test_every_machine_has_its_line_and_nothing_is_changed():
    fleet = Fleet(*NAMES)
    origin, goal = (load(f"coldferry-cloud/{name}") for name in (fleet.origin, fleet.goal))

    document = asyncio.run(plan(origin, goal))
    page = asyncio.run(Artifact.aget(key=f"plan-of-{slug(fleet.origin)}-to-{slug(fleet.goal)}"))

    assert sorted(one["vm"] for one in document["machines"]) == sorted(NAMES)
    assert document["counts"] == {"red": 0, "amber": 2, "green": 0}
    assert "| amber | `**bold**` |" in page.data
    assert fleet.source.stopped == []
    assert [fleet.state(name) for name in NAMES] == ["", ""]


def test_only_the_machines_that_are_named_are_looked_at():
    fleet = Fleet(*NAMES)
    origin, goal = (load(f"coldferry-cloud/{name}") for name in (fleet.origin, fleet.goal))

    document = asyncio.run(plan(origin, goal, vms=("anvil",)))

    assert [one["vm"] for one in document["machines"]] == ["anvil"]
