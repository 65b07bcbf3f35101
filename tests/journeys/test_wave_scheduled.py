"""Deployed waves: by a schedule, to the end of their window, after the death of their worker."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.serving import LOOK_EACH_S
from tests.journeys.test_deployment import a_machine
from tests.journeys.test_reconcile import HELD, SILENT_S, Doomed, copying, end_worker, kill_process
from tests.journeys.wave_serving import ANSWERS, ServedWave

pytestmark = [pytest.mark.slow(takes_s=240), pytest.mark.timeout(1200)]


def state_of(served, vm):
    """What the machine's tags say of its migration."""
    return [*served.seeder.our_tags(vm).get("coldferry:attempt", "").split(), "", ""][1]


class Scheduled(ServedWave):
    """One that nobody starts: a schedule of the deployment has the manifest as its parameter.

    Prefect looks for new schedules once a minute, so it has more than one time. It is taken back
    as soon as a worker has a run of it, long before the next one.
    """

    def submit(self):
        api = self.served.api
        deployment = api("GET", "/deployments/name/migrate-wave/migrate-wave")["id"]
        soon = datetime.now(UTC) + timedelta(seconds=15)
        made = api("POST", f"/deployments/{deployment}/schedules", [{
            "schedule": {"interval": 90, "anchor_date": soon.isoformat(), "timezone": "UTC"},
            "parameters": {"manifest": self.manifest}, "active": True, "slug": "saturday-night",
        }])  # fmt: skip
        try:
            first = self._first(deployment)
        finally:
            api("DELETE", f"/deployments/{deployment}/schedules/{made[0]['id']}")
        self.served.wait(first, "Running")
        return first

    def _first(self, deployment):
        """The first run of the schedule that a worker has."""
        taken = {"type": {"any_": ["PENDING", "RUNNING"]}}
        begun = {"state": taken, "tags": {"all_": ["auto-scheduled"]}}
        asked = {"flow_runs": begun, "deployments": {"id": {"any_": [deployment]}}}
        until = time.monotonic() + 900
        while not (found := self.served.api("POST", "/flow_runs/filter", asked)):
            assert time.monotonic() < until, "the schedule did not fire"
            time.sleep(LOOK_EACH_S)
        return str(found[0]["id"])


def test_a_wave_whose_window_ends_puts_its_halted_sources_back(served):
    vm = a_machine(served, "172.31.0.71", Name="too-long").vm
    end = datetime.now(UTC) + timedelta(seconds=120)
    # A byte a second: it copies for as long as nobody ends it.
    wave = ServedWave(
        served,
        "too-long",
        {"slow": {"vm": vm, "answers": ANSWERS}},
        window={"abort_at": end.isoformat()},
        bytes_per_s=1,
        machines_at_once=1,
    )
    wave.wait_for(lambda: state_of(served, vm) == "copying")
    on_the_machine = served.seeder.our_tags(vm)["coldferry:attempt"]
    halted = served.seeder.state(vm)

    ended = served.wait(wave.id, "Failed", timeout_s=500)

    assert halted == "stopped"
    assert on_the_machine.split()[3] == f"abort-at={end.isoformat()}"
    assert datetime.now(UTC) >= end
    assert "1 put back" in ended["state"]["message"]
    assert served.seeder.state(vm) == "running"
    assert served.seeder.our_tags(vm).keys() == {"coldferry:attempt"}
    assert served.run(wave.children()[0]["id"])["state"]["name"] == "Cancelled"


class DoomedWave(Doomed):
    """Both deployments of waves on a pool of their own, with a worker that may be killed."""

    pool = "doomed-waves"
    names = ("migrate-wave", "migrate-vm")

    def __init__(self, served):
        self.served, self.worker = served, None
        served.api("POST", "/work_pools/", {"name": self.pool, "type": "process"})
        self._move_to(self.pool)

    def _move_to(self, pool):
        for name in self.names:
            known = self.served.api("GET", f"/deployments/name/{name}/{name}")
            path = f"/deployments/{known['id']}"
            self.served.api("PATCH", path, {"work_pool_name": pool, "work_queue_name": "default"})

    def end(self):
        if self.worker is not None and self.worker.poll() is None:
            end_worker(self.worker)
        self._move_to("coldferry")
        self.served.api("DELETE", f"/work_pools/{self.pool}")


class DeadNight:
    """A wave of two machines, begun by a schedule; its worker and all its processes are killed."""

    def __init__(self, served, doomed):
        self.served = served
        self.vms = {
            name: a_machine(served, f"172.31.0.{72 + at}", Name=f"dead-{name}").vm
            for at, name in enumerate(("one", "two"))
        }
        rows = {name: {"vm": vm, "answers": ANSWERS} for name, vm in self.vms.items()}
        doomed.start()
        with served.sandbox.failing("azure", HELD):
            self.wave = Scheduled(served, "dead-night", rows)
            self.begun = served.run(self.wave.id)
            for vm in self.vms.values():
                copying(served, vm, timeout_s=500)
            dead = [self.wave.id, *(child["id"] for child in self.wave.children())]
            doomed.worker.kill()
            doomed.worker.wait()
            for run in dead:
                kill_process(run)
        killed_s = time.monotonic()
        self.before = [served.run(run)["state"]["name"] for run in dead]
        while time.monotonic() - killed_s < SILENT_S:
            time.sleep(1)
        self.reconciled = self._reconcile({*dead})
        self.found = [served.run(run)["state"]["name"] for run in dead]
        doomed.start()
        self.resumed = served.sandbox.here("resume", "dead-night", "--wait")

    def _reconcile(self, dead):
        """A last heartbeat may have come right before the end, and may be on its way."""
        for _ in range(10):
            answer = self.served.sandbox.here("reconcile", "--silent-for", str(SILENT_S))
            dead -= {one["run"] for one in answer.document["crashed"]}
            if not dead:
                break
            time.sleep(3)
        return answer


@pytest.fixture(scope="module")
def dead_night(served):
    doomed = DoomedWave(served)
    try:
        yield DeadNight(served, doomed)
    finally:
        doomed.end()


def test_a_wave_begins_by_a_schedule_of_its_deployment(dead_night):
    assert "auto-scheduled" in dead_night.begun["tags"]
    assert dead_night.begun["parameters"]["manifest"] == dead_night.wave.manifest
    assert dead_night.begun["run_count"] == 1


def test_reconcile_finds_a_wave_and_its_children_that_died_with_their_worker(dead_night):
    assert dead_night.before == ["Running"] * 3
    assert dead_night.reconciled.exit_code == 0, dead_night.reconciled
    assert dead_night.found == ["Crashed"] * 3


def test_one_command_later_the_wave_is_complete(dead_night, served):
    assert dead_night.resumed.exit_code == 0, dead_night.resumed
    assert served.run(dead_night.wave.id)["state"]["name"] == "Completed"
    assert {state_of(served, vm) for vm in dead_night.vms.values()} == {"allocated"}
    assert "2 of 2 machines arrived" in dead_night.wave.page()
