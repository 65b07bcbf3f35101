"""What stands under Deployments is there, says what it does, and waits until it is wanted."""

import importlib
import inspect
from pathlib import Path

import pytest
import yaml
from prefect import Flow

from tasks.failed_machine import FLOWS as MACHINE_FLOWS
from tasks.failing import tell_of_failure
from tasks.runs import FLOWS, SILENT_S
from tasks.waves.failing import WAVES

ROOT = Path(__file__).parents[2]
DEPLOYED = {
    row["name"]: row for row in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
}


def flow_of(row):
    file, _, name = row["entrypoint"].partition(":")
    return getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), name)


def every_flow():
    for path in sorted((ROOT / "flows").glob("*.py")):
        module = importlib.import_module(f"flows.{path.stem}")
        yield from (one for one in vars(module).values() if isinstance(one, Flow))


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_a_deployment_bears_its_flows_name_and_says_what_it_does(row):
    flow = flow_of(row)

    assert flow.name == row["name"]
    assert row["description"].endswith(".")
    assert row["enforce_parameter_schema"] is True


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_a_deployment_is_found_by_what_it_is(row):
    assert row["tags"]
    assert len(row["description"]) > len(row["name"]) + 20


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_every_field_of_a_run_form_has_a_title_its_place_and_an_explanation(row):
    parameters = flow_of(row).parameters.properties

    for name, field in parameters.items():
        assert field["title"], name
        assert len(field["description"]) > 10, name
    assert [field["position"] for field in parameters.values()] == [*range(len(parameters))]


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_a_run_form_asks_first_for_what_must_be_said(row):
    schema = flow_of(row).parameters
    required = [name in schema.required for name in schema.properties]

    assert required == sorted(required, reverse=True)


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_every_field_of_a_form_inside_the_form_is_explained(row):
    parts = flow_of(row).parameters.definitions
    told = {
        f"{part}.{name}": field.get("description") or field.get("$ref")
        for part, schema in parts.items()
        if part != "Cloud" and not part.endswith("Access")  # a block is picked by its name
        for name, field in schema.get("properties", {}).items()
    }

    assert [name for name, words in told.items() if not words] == []


def test_the_upkeep_has_its_schedules_ready():
    kept = {name for name, row in DEPLOYED.items() if row.get("schedules")}

    assert kept == {"audit", "reconcile"}


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_a_schedule_is_off_until_it_is_wanted(row):
    assert [one for one in row.get("schedules", []) if one["active"] is not False] == []


def test_a_dead_run_of_any_flow_of_ours_is_looked_for():
    assert {flow.name for flow in every_flow()} <= set(FLOWS)


def test_a_hook_has_the_very_names_that_a_worker_calls_it_with():
    assert list(inspect.signature(tell_of_failure).parameters) == ["flow", "flow_run", "state"]


def test_every_notification_names_flows_that_are_ours():
    rows = yaml.safe_load((ROOT / "deployments" / "notifications.yaml").read_text())["automations"]
    named = {
        name for row in rows for name in row["trigger"]["match_related"]["prefect.resource.name"]
    }

    assert len(rows) == 4
    assert named <= set(FLOWS)
    assert {row["name"] for row in rows} == {
        f"coldferry run {what}" for what in ("waits", "failed", "crashed", "done")
    }


def test_no_notification_holds_anything_secret():
    text = (ROOT / "deployments" / "notifications.yaml").read_text()
    rows = yaml.safe_load(text)["automations"]
    actions = [action for row in rows for action in row["actions"]]

    assert {action["type"] for action in actions} == {"send-notification"}
    assert {action["block_document_id"] for action in actions} == {"BLOCK_ID"}
    assert "http" not in text


@pytest.mark.parametrize("name", sorted({*MACHINE_FLOWS, *WAVES}))
def test_whatever_of_ours_fails_is_told_of(name):
    flow = flow_of(DEPLOYED[name])

    assert tell_of_failure in flow.on_failure_hooks
    assert tell_of_failure in flow.on_crashed_hooks


@pytest.mark.parametrize("row", DEPLOYED.values(), ids=DEPLOYED)
def test_a_run_gives_a_sign_of_life_long_before_it_counts_as_dead(row):
    told = row["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]

    assert int(told) * 4 <= SILENT_S
