"""Every direction between the clouds here can be moved in: no plan says that it is for looking."""

import json

import pytest

from tests.unit.domains import a_domain

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machine(seeder):
    """An ordinary running machine at the source."""
    return seeder.small(tags={"Name": "stay-01"})


@pytest.fixture(scope="module")
def arrived(sandbox, machine, tmp_path_factory):
    """The same machine once it was moved; its id at the target."""
    options = sandbox.answers(machine.vm, tmp_path_factory.mktemp("there") / "answers.yaml")
    answer = sandbox.here("migrate", sandbox.source, machine.vm, sandbox.target, *options)
    assert answer.exit_code == 0, answer
    return answer.document["target_vm"]


@pytest.fixture
def untouched(arrivals, seeder, sandbox):
    """Neither cloud has anything more at the end."""

    def look():
        volumes = sandbox.ec2.describe_volumes()["Volumes"]
        return arrivals.everything(), seeder.our_snapshots(), len(volumes)

    before = look()
    yield
    assert look() == before


def of_the_direction(answer):
    """Findings that say that a way is planned for only."""
    return [f for f in answer.document["findings"] if f["code"] == "only-planned"]


def answered(sandbox, source, vm, target, path):
    """The plan once all that is missing was answered from what it offers."""
    given: dict[str, str] = {}
    for _ in range(4):
        path.write_text(json.dumps(given))
        answer = sandbox.here("plan", source, vm, target, "--answers", path)
        for field in answer.document["translation"]:
            if field["path"] in answer.document["missing"]:
                offered = [candidate["value"] for candidate in field["candidates"]]
                asked = field["verdict"] == "missing"
                given[field["path"]] = offered[0] if asked else "acknowledge"
        if not answer.document["missing"]:
            break
    return answer


def test_a_machine_that_arrived_can_be_planned_for_the_way_back(
    sandbox, arrived, untouched, tmp_path
):
    answer = sandbox.here("plan", sandbox.target, arrived, sandbox.source)

    assert answer.exit_code == 3
    assert answer.document["migration"].startswith("stay-01-aws-")
    assert "nics[0].subnet_id" in answer.document["missing"]
    assert [device["source"] for device in answer.document["devices"]]
    assert of_the_direction(answer) == []
    whole = answered(sandbox, sandbox.target, arrived, sandbox.source, tmp_path / "a.yaml")
    assert (whole.exit_code, whole.document["missing"]) == (0, [])


@pytest.fixture
def wide(sandbox):
    """Vcpus for what others have left running in the same account, too."""
    sandbox.control("aws", "PUT", "settings", {"quotas": {"L-1216C47A": 640}})
    yield
    sandbox.control("aws", "PUT", "settings", {"quotas": {}})


def test_a_machine_can_be_planned_for_its_own_cloud(sandbox, machine, untouched, wide):
    answer = sandbox.here("plan", sandbox.source, machine.vm, sandbox.source)

    assert answer.exit_code == 3
    fields = {field["path"]: field for field in answer.document["translation"]}
    assert fields["instance_type"]["verdict"] == "exact"
    assert of_the_direction(answer) == []


def test_a_file_that_describes_a_machine_is_planned_for_and_not_moved(sandbox, tmp_path):
    path = tmp_path / "web.xml"
    path.write_text(a_domain())
    described = sandbox.here("describe", f"libvirt-xml:{path}")
    planned = sandbox.here("plan", f"libvirt-xml:{path}", sandbox.target)
    moved = sandbox.here("migrate", f"libvirt-xml:{path}", sandbox.target)

    assert (described.exit_code, planned.exit_code, moved.exit_code) == (0, 3, 2)
    assert planned.document["machine"] == described.document
    assert "described by a file" in of_the_direction(planned)[0]["what"]
    assert "has no disks" in moved.error["what"]
