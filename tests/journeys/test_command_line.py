"""The verbs that change nothing at the target, and power, on a machine that is in use."""

import json
from xml.etree import ElementTree as ET

import pytest
import yaml

from sandbox.aws import seed
from tests.journeys.seeding import blocks


@pytest.fixture(scope="module")
def machine(seeder):
    """Two disks, an Azure-illegal tag and two that fold into one: there is something to ask."""
    content = [blocks(0, 9, 10), blocks(100, salt=5)]
    image = seeder.image(content, BootMode="uefi")
    tags = {"Name": "desk-01", "cost/centre": "1", "Team": "a", "team": "b"}
    return seeder.launch(image, "m5.large", content, tags=tags, UserData="#!/bin/sh\n")


@pytest.fixture
def untouched(arrivals, seeder, machine):
    """Neither cloud has anything more or other at the end."""

    def look():
        return (
            arrivals.everything(),
            seeder.our_snapshots(),
            seed.see(seeder.ec2, machine.vm).get("Tags"),
            seeder.state(machine.vm),
        )

    before = look()
    yield
    assert look() == before


def test_a_second_up_prints_the_same(sandbox):
    again = sandbox.cli("sandbox", "up", "--detach")
    assert again.exit_code == 0
    assert again.document == sandbox.state


def test_up_says_all_that_a_stranger_needs(sandbox):
    assert sandbox.state["aws"].keys() == {
        "block",
        "endpoint_url",
        "region",
        "access_key_id",
        "secret_access_key",
    }
    assert sandbox.state["azure"].keys() == {
        "block",
        "endpoint",
        "token",
        "ca_bundle",
        "subscription_id",
        "resource_group",
        "location",
    }
    assert sandbox.state["machines"]


def test_a_plan_creates_nothing_anywhere(sandbox, machine, untouched):
    answer = sandbox.cli("plan", sandbox.source, machine.vm, sandbox.target)
    assert answer.exit_code == 3
    assert answer.document.keys() == {
        "migration",
        "machine",
        "translation",
        "missing",
        "devices",
        "left_behind",
        "file_systems",
        "findings",
        "error",
        "estimate",
        "guest",
    }
    assert answer.document["missing"]
    assert [device["allocated_bytes"] for device in answer.document["devices"]] == [None, None]


def test_every_field_of_a_plan_says_all_that_the_contract_names(sandbox, machine):
    plan = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target).document
    names = {
        "path",
        "verdict",
        "source",
        "target",
        "rule",
        "reason",
        "difference",
        "consequence",
        "decided_by",
        "candidates",
    }
    assert all(field.keys() >= names for field in plan["translation"])
    paths = [field["path"] for field in plan["translation"]]
    assert len(paths) == len(set(paths))


def test_a_plan_that_lacks_answers_has_the_error_that_a_migration_would_end_with(sandbox, machine):
    planned = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target)

    assert planned.exit_code == 3
    assert planned.error["code"] == "translations-missing"
    assert all(path in planned.error["what"] for path in planned.document["missing"])
    assert planned.error["do"]
    assert planned.error["resumable"] is True


def test_the_next_migration_has_the_id_that_the_plan_names(sandbox, machine):
    plans = [
        sandbox.here("plan", sandbox.source, machine.vm, sandbox.target).document for _ in range(2)
    ]
    assert plans[0]["migration"] == plans[1]["migration"]
    assert plans[0]["migration"].endswith("-a1")


def test_inspecting_measures_what_is_allocated_and_leaves_no_snapshot(sandbox, machine, untouched):
    answer = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target, "--inspect")
    measured = {d["source"]: d["allocated_bytes"] for d in answer.document["devices"]}
    seeded = {v: len(held) * seed.BLOCK_SIZE_BYTES for v, held in machine.content.items()}
    assert measured == seeded


def test_an_inspection_that_fails_leaves_no_snapshot_either(sandbox, machine, untouched):
    fault = {"operation": "ebs:*", "status": 403, "code": "AccessDeniedException", "times": 99}
    with sandbox.failing("aws", fault):
        answer = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target, "--inspect")
    assert (answer.exit_code, answer.error["code"]) == (4, "denied")


def test_a_written_answers_file_is_accepted_once_it_is_filled_in(
    sandbox, machine, tmp_path, untouched
):
    path = tmp_path / "written.yaml"
    plan = sandbox.here(
        "plan", sandbox.source, machine.vm, sandbox.target, "--write-answers", path
    ).document
    assert list(yaml.safe_load(path.read_text())) == plan["missing"]

    fields = {field["path"]: field for field in plan["translation"]}
    lines = path.read_text().splitlines()
    filled = [f"{ln} {_fill(fields[ln[:-1]])}" if ln[:-1] in fields else ln for ln in lines]
    path.write_text("\n".join(filled))
    answered = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target, "--answers", path)
    assert (answered.exit_code, answered.document["missing"]) == (0, [])


def test_a_written_answers_file_left_empty_changes_nothing(sandbox, machine, tmp_path):
    path = tmp_path / "written.yaml"
    words = ("plan", sandbox.source, machine.vm, sandbox.target)
    plan = sandbox.here(*words, "--write-answers", path).document
    empty = sandbox.here(*words, "--answers", path)
    assert (empty.exit_code, empty.document["missing"]) == (3, plan["missing"])


def test_a_machine_is_described_by_the_fields_of_the_schema(sandbox, machine, untouched):
    answer = sandbox.cli("describe", sandbox.source, machine.vm)
    assert answer.exit_code == 0
    assert answer.document["name"] == "desk-01"
    assert [disk["id"] for disk in answer.document["disks"]] == list(machine.content)
    assert {"key": "cost/centre", "value": "1"} in answer.document["tags"]


def test_a_description_is_written_as_an_ovf_descriptor_that_holds_all_of_it(
    sandbox, machine, untouched
):
    described = sandbox.cli("describe", sandbox.source, machine.vm)
    answer = sandbox.cli("describe", sandbox.source, machine.vm, "--format", "ovf")
    assert answer.exit_code == 0
    top = ET.fromstring(answer.document["text"])
    (section,) = top.iter("{urn:coldferry:1}Machine")
    assert json.loads(section.text) == described.document

    assert sandbox.cli("describe", sandbox.source, machine.vm, "--format", "doc").exit_code == 2


def test_a_machine_is_stopped_started_and_rebooted_by_its_id(sandbox, seeder, machine):
    for verb, state in {"stop": "stopped", "start": "running", "reboot": "running"}.items():
        answer = sandbox.here(verb, sandbox.source, machine.vm)
        assert answer.document == {"vm": machine.vm, "power": state}, answer
        assert seeder.state(machine.vm) == state
    for verb in ("start", "stop", "stop", "start"):  # saying it twice is no error
        assert sandbox.here(verb, sandbox.source, machine.vm).exit_code == 0


def test_nothing_under_the_home_is_open_to_other_users(sandbox, machine):
    sandbox.here("status")
    paths = [path for path in sandbox.home.rglob("*") if not path.is_symlink()]
    open_to_others = [str(path) for path in paths if path.stat().st_mode & 0o077]

    assert {"prefect.db", "server.json", "answers.yaml", "sandbox.log", "azurite"} <= {
        path.name for path in paths
    }
    assert open_to_others == []


def _fill(field):
    return field["candidates"][0]["value"] if field["verdict"] == "missing" else "acknowledge"
