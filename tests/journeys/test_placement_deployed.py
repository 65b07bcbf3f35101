"""Placements of a deployed migration: measured by a worker, named and asked about in the form."""

import json

import pytest

from flows.migrate_vm import migrate_vm
from tests.journeys.by_hand import ByHand
from tests.journeys.seeding import blocks
from tests.unit.file_server import serving

pytestmark = pytest.mark.slow


class Placed:
    """A run whose form asks about a disk, with a file system that the worker measures."""

    def __init__(self, served, folder):
        seeder = served.seeder
        content = [blocks(0, 7, salt=disk) for disk in range(3)]
        (subnet,) = seeder.subnets("10.0.1.0/24")
        efs = served.sandbox.aws("efs")
        self.share = efs.create_file_system(CreationToken="deployed")["FileSystemId"]
        efs.create_mount_target(FileSystemId=self.share, SubnetId=subnet)
        image = seeder.image(content, BootMode="uefi")
        self.seeded = seeder.launch(image, "m5.large", content, SubnetId=subnet)
        _, path = served.sandbox.answers(self.seeded.vm, folder / "answers.yaml")
        answers = json.loads(path.read_text())
        with serving(delay_s=0.002) as server:
            placement = {
                "disk1": "drop",
                "disk2": "ask",
                self.share: f"remote@127.0.0.1:{server.port}",
            }
            run = ByHand(served, migrate_vm).order(
                vm=self.seeded.vm,
                use_book=False,
                answers=answers,
                placement=placement,
                inspect=False,
                max_latency_ms=5000,
            )
            self.id = run["id"]
            self.schema, _ = served.form(run)
            self.told = self.schema["properties"]["decision"]["description"]
            self.choices = self.schema["properties"]["disks_2_id"]["enum"]
            told = served.resume(self.id, decision="approve", disks_2_id="drop")
            assert told["status"] == "ACCEPT", told
            self.done = served.wait(self.id, "Completed", after=run["state"]["id"])
        found = served.api("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["probe"]}}})
        self.probes = [run["state"]["name"] for run in found]
        artifact = {"artifacts": {"flow_run_id": {"any_": [self.id]}}}
        rows = served.api("POST", "/artifacts/filter", artifact)
        self.report = next(str(r["data"]) for r in rows if str(r["key"]).startswith("report-"))
        self.arrived = served.arrivals


@pytest.fixture(scope="module")
def placed(served, tmp_path_factory):
    """It is done once for all."""
    return Placed(served, tmp_path_factory.mktemp("placed"))


def test_the_form_names_what_is_left_behind_and_asks_what_was_to_be_asked(placed):
    assert "NOT COPIED: disk1" in placed.told
    assert f"NOT COPIED: the files of `{placed.share}`" in placed.told
    assert placed.choices == ["copy", "drop"]
    assert "IOPS" in placed.told


def test_the_worker_measured_it_in_a_run_of_its_own(placed):
    assert placed.probes
    assert set(placed.probes) == {"Completed"}


def test_only_what_was_not_dropped_by_option_or_form_arrives(placed):
    assert placed.done["state"]["name"] == "Completed"
    assert "2 disks left behind, not copied" in placed.report
    assert "Its files are not copied" in placed.report
    assert "nofail,_netdev" in placed.report


def test_the_probe_can_be_run_by_itself_and_shows_what_it_found(served):
    deployment = served.api("GET", "/deployments/name/probe/probe")["id"]
    with serving(delay_s=0.002) as server:
        asked = {"address": "127.0.0.1", "port": server.port, "tries": 3}
        made = served.api(
            "POST", f"/deployments/{deployment}/create_flow_run",
            {"parameters": asked, "state": {"type": "SCHEDULED"}},
        )  # fmt: skip
        served.wait(made["id"], "Completed")
    artifact = {"artifacts": {"flow_run_id": {"any_": [made["id"]]}}}
    (row,) = served.api("POST", "/artifacts/filter", artifact)
    (found,) = json.loads(row["data"])

    assert found["read_answered"] == 3
    assert found["read_median_ms"] >= 2
