"""Nobody answers: the automation in ``deployments/`` ends the run, and only that run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.journeys.test_deployment import RIGHT, a_machine

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deployments" / "approval-deadline.yaml"
WITHIN_S = 10
"""Prefect takes no less."""


def create(served, folder):
    """The command that the file names, given from ``folder``; the server's automations then."""
    words = re.search(r"^#   (prefect .*)$", FILE.read_text(), re.MULTILINE)[1].split()
    said = subprocess.run(
        words,
        cwd=folder,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PREFECT_API_URL": f"{served.address}/api",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return served.api("POST", "/automations/filter", {})


@pytest.fixture(scope="module", autouse=True)
def none_is_left(served):
    """Other tests' forms wait as long as they like."""
    yield
    for one in served.api("POST", "/automations/filter", {}):
        served.api("DELETE", f"/automations/{one['id']}")


class Deadlines:
    """Two runs under a short deadline: one that nobody answers, one that is answered in time."""

    def __init__(self, served, folder):
        within = re.compile(r"^(\s+within: ).*$", re.MULTILINE)
        (folder / "deployments").mkdir()
        short = within.sub(rf"\g<1>{WITHIN_S}", FILE.read_text())
        (folder / "deployments" / FILE.name).write_text(short)
        (self.created,) = create(served, folder)
        forgotten = a_machine(served, "172.31.0.41", Name="forgotten").vm
        answered = a_machine(served, "172.31.0.42", Name="answered").vm
        first, second = served.submit(forgotten), served.submit(answered)
        served.form(served.wait(second, "Suspended"))
        self.resumed = served.resume(second, decision="approve", **RIGHT)
        self.ended = served.wait(first, "Cancelled")
        self.power = served.seeder.state(forgotten)
        self.late = served.resume(first, decision="approve", **RIGHT)
        self.done = served.wait(second, "Completed")
        self.made = served.arrivals.everything()
        listed = served.sandbox.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        tags = [{t["Key"]: t["Value"] for t in one.get("Tags", [])} for one in listed]
        self.frozen = [one["coldferry:migration"] for one in tags if "coldferry:migration" in one]


@pytest.fixture(scope="module")
def deadlines(served, tmp_path_factory):
    return Deadlines(served, tmp_path_factory.mktemp("deadline"))


def test_a_form_that_nobody_answers_ends_its_run_as_cancelled_in_our_words(deadlines):
    (wanted,) = yaml.safe_load(FILE.read_text())["automations"][0]["actions"]

    assert deadlines.ended["state"]["type"] == "CANCELLED"
    assert deadlines.ended["state"]["message"] == wanted["message"]


def test_nothing_was_stopped_or_created_of_what_nobody_answered(deadlines):
    assert deadlines.power == "running"
    assert [one for one in deadlines.made if "forgotten" in one] == []
    assert [one for one in deadlines.frozen if one.startswith("forgotten-")] == []


def test_an_answer_that_comes_too_late_is_not_taken(deadlines):
    assert deadlines.late["status"] != "ACCEPT"


def test_a_run_that_was_answered_in_time_arrives(deadlines):
    assert deadlines.resumed["status"] == "ACCEPT"
    assert deadlines.done["state"]["name"] == "Completed"
    assert [one for one in deadlines.made if "answered" in one]
    assert [one for one in deadlines.frozen if one.startswith("answered-")]


def test_the_file_as_it_is_waits_three_days_for_migrations_only(served, deadlines):
    known = {deadlines.created["id"]}
    (made,) = [one for one in create(served, ROOT) if one["id"] not in known]

    assert made["enabled"] is True
    assert made["trigger"]["within"] == 3 * 24 * 3600
    assert made["trigger"]["match_related"]["prefect.resource.name"] == "migrate-vm"
