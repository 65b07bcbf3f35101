"""Workers and processes die by kill -9, and the night shift has two commands."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.journeys.notified import listening, save_webhook
from tests.journeys.test_deployment import a_machine

pytestmark = [pytest.mark.slow(takes_s=300), pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
HELD = {"operation": "blob:PutPage", "delay_s": 600, "times": 9999}
SILENT_S = 60
ASKED = ("flow_id", "entrypoint", "path", "pull_steps", "parameter_openapi_schema")


def end_worker(worker):
    """A worker that waits for what was killed under it is killed, too."""
    worker.terminate()
    with suppress(subprocess.TimeoutExpired):
        worker.wait(20)
    worker.kill()
    worker.wait(20)


class Doomed:
    """A second pool with the same migration, and a worker of its own that may be killed."""

    pool = "doomed"

    def __init__(self, served):
        self.served = served
        known = served.api("GET", "/deployments/name/migrate-vm/migrate-vm")
        served.api("POST", "/work_pools/", {"name": self.pool, "type": "process"})
        made = served.api("POST", "/deployments/", {
            **{name: known[name] for name in ASKED},
            "name": self.pool, "work_pool_name": self.pool,
            "job_variables": known["job_variables"],
        })  # fmt: skip
        self.deployment = made["id"]
        self.parameters = {
            "source": served._reference(served.sandbox.source),
            "target": served._reference(served.sandbox.target),
            "use_book": False, "inspect": False,
        }  # fmt: skip
        self.worker = None

    def start(self):
        """Start a worker."""
        url = f"{self.served.address}/api"
        self.worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", self.pool],
            cwd=ROOT,
            env={
                **os.environ, "PREFECT_API_URL": url, "COLDFERRY_ROOT": str(ROOT),
                "PYTHONPATH": str(ROOT), "COLDFERRY_HOME": str(self.served.home),
                "PREFECT_WORKER_QUERY_SECONDS": "2",
            },
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def submit(self, vm, answers):
        """A run that is not asked anything."""
        asked = {"parameters": {**self.parameters, "vm": vm, "answers": answers}}
        made = self.served.api("POST", f"/deployments/{self.deployment}/create_flow_run", asked)
        return str(made["id"])

    def kill(self, run):
        """Kill -9 the worker, then the run's process: nobody tells the server."""
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait()
        kill_process(run)

    def end(self):
        """End the worker that may run, and leave the others' pool alone."""
        if self.worker is not None and self.worker.poll() is None:
            end_worker(self.worker)
        self.served.api("DELETE", f"/deployments/{self.deployment}")
        self.served.api("DELETE", f"/work_pools/{self.pool}")


def kill_process(run):
    """Kill -9 the processes that carry a run out."""
    mark, killed = run.encode(), 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = mark in (folder / "environ").read_bytes()
        except OSError:
            continue
        if ours:
            os.kill(int(folder.name), signal.SIGKILL)
            killed += 1
    assert killed


def answers_of(served, vm):
    """Answers to all that is missing, by the plan's own paths."""
    path = served.home / f"{vm}.json"
    served.sandbox.answers(vm, path)
    return json.loads(path.read_text())


def copying(served, vm, timeout_s=400):
    """Wait until the machine's migration copies; its id."""
    until = time.monotonic() + timeout_s
    while True:
        said = served.seeder.our_tags(vm).get("coldferry:attempt", "- -").split()
        if said[1] == "copying":
            return said[0]
        assert time.monotonic() < until, said
        time.sleep(0.5)


def artifacts(served, key):
    """Every version of an artifact."""
    asked = {"artifacts": {"key": {"any_": [key]}}}
    return served.api("POST", "/artifacts/filter", asked)


class Night:
    """Four runs: one dies with its worker, one alone, one is given up, one waits for its form.

    The two commands that bring the night home are processes; all others spare the start of one.
    """

    def __init__(self, served, doomed, came):
        self.served, self.doomed, self.came = served, doomed, came
        here = served.sandbox.here
        names = ("dies", "crashes", "given-up", "waits")
        vms = {
            name: a_machine(served, f"172.31.0.{60 + n}", Name=name).vm
            for n, name in enumerate(names)
        }
        given = {name: answers_of(served, vms[name]) for name in names[:3]}
        self.before = served.arrivals.everything()
        doomed.start()
        with served.sandbox.failing("azure", HELD):
            dies = doomed.submit(vms["dies"], given["dies"])
            crashes, given_up = (
                served.submit(vms[name], answers=given[name], inspect=False)
                for name in ("crashes", "given-up")
            )
            self.waits = served.submit(vms["waits"], inspect=False)
            self.migration = copying(served, vms["dies"])
            doomed.kill(dies)
            killed_s = time.monotonic()

            self.crashed = copying(served, vms["crashes"])
            kill_process(crashes)
            given_up_as = copying(served, vms["given-up"])
            served.wait(self.waits, "Suspended")
            self.too_early = here("reconcile", "--silent-for", "600")
            self.alive = here("resume", given_up_as)
            self.state_alive = served.run(dies)["state"]["name"]
            self.waiting_state = served.run(self.waits)["state"]["id"]
            while time.monotonic() - killed_s < SILENT_S:
                time.sleep(1)
            self.reconciled = self._reconcile()
            self.listed = here("list")
            self.given_up_before = served.run(given_up)["state"]["name"]
            self.aborted = here("abort", given_up_as)
            self.given_up_after = served.run(given_up)["state"]["name"]
        self.given_up_power = served.seeder.state(vms["given-up"])
        doomed.start()
        self.crashed_on = here("resume", self.crashed)
        self.resumed = served.sandbox.cli("resume", self.migration, "--wait")
        self.power = served.seeder.state(vms["dies"])
        self.tags = served.seeder.our_tags(vms["dies"])
        self.crash_told = artifacts(served, f"failure-{self.crashed}")
        self.death_told = artifacts(served, f"failure-{self.migration}")
        self.crashed_done = served.wait(crashes, "Completed")
        self.dies, self.run = dies, served.run(dies)
        self.waited = served.run(self.waits)["state"]
        self.left = {one for one in served.arrivals.everything() - self.before if "given-up" in one}

    def _reconcile(self):
        """Its last heartbeat may have come right before its end, and may be on its way."""
        for _ in range(10):
            answer = self.served.sandbox.cli("reconcile", "--silent-for", str(SILENT_S))
            if answer.document["crashed"]:
                return answer
            time.sleep(3)
        return answer


@pytest.fixture(scope="module")
def night(served):
    doomed = Doomed(served)
    with listening() as (url, came):
        block = save_webhook(served.api, url)
        assert served.sandbox.here("notify", block).exit_code == 0
        try:
            told = Night(served, doomed, came)
            yield told
            cancelled = {"state": {"type": "CANCELLED", "name": "Cancelled"}}
            served.api("POST", f"/flow_runs/{told.waits}/set_state", cancelled)
        finally:
            doomed.end()
            for one in served.api("POST", "/automations/filter", {}):
                served.api("DELETE", f"/automations/{one['id']}")


def test_a_run_that_died_with_its_worker_stays_running_until_it_is_looked_for(night):
    assert night.too_early.document == {"crashed": [], "put_back": []}
    assert night.state_alive == "Running"


def test_reconcile_finds_the_dead_run_and_no_other_migration(night):
    found = {one["migration"]: one for one in night.reconciled.document["crashed"]}

    assert night.reconciled.exit_code == 0
    assert found.keys() - {""} == {night.migration}
    assert found[night.migration]["silent_s"] > SILENT_S
    assert night.given_up_before == "Running"


def test_a_run_that_waits_for_its_form_is_never_touched(night):
    assert night.waited["name"] == "Suspended"
    assert night.waited["id"] == night.waiting_state


def test_one_command_later_the_migration_is_complete(night, served):
    row = next(r for r in night.listed.document["migrations"] if r["migration"] == night.migration)

    assert row["next"] == f"coldferry resume {night.migration}"
    assert night.resumed.exit_code == 0, night.resumed
    assert night.run["state"]["name"] == "Completed"
    assert night.run["run_count"] == 2
    assert night.tags["coldferry:attempt"].split()[1] == "allocated"
    assert night.power == "stopped"


def test_what_was_found_dead_tells_what_to_do(night):
    (told,) = night.death_told

    assert told["flow_run_id"] == night.dies
    assert "Its worker and its process died" in told["data"]
    assert f"coldferry resume {night.migration}" in told["data"]
    assert "**stopped**; it ran before the halt" in told["data"]


def test_a_process_that_is_killed_alone_tells_by_its_workers_hook_and_goes_on(night):
    (told,) = night.crash_told

    assert "Its process died" in told["data"]
    assert f"coldferry abort {night.crashed}" in told["data"]
    assert night.crashed_on.exit_code == 0, night.crashed_on


def test_a_run_that_is_carried_out_is_not_resumed_beside_itself(night):
    assert (night.alive.exit_code, night.alive.error["code"]) == (4, "conflict")


def test_an_abort_ends_the_run_first_and_leaves_nothing(night):
    assert night.aborted.exit_code == 0, night.aborted
    assert night.given_up_after == "Cancelled"
    assert len(night.aborted.document["cancelled"]) == 1
    assert night.aborted.document["left"] == []
    assert night.given_up_power == "running"
    assert night.left == set()


def test_people_are_told_of_what_waits_what_failed_and_what_is_done(night):
    until = time.monotonic() + 30
    told = ""
    while "Done: " not in told and time.monotonic() < until:
        told = "\n".join(one["text"] for one in night.came)
        time.sleep(0.2)

    assert "Waits for you: waits: aws to azure" in told
    assert "Crashed: crashes: aws to azure" in told
    assert "Done: dies: aws to azure" in told
    assert f"coldferry abort {night.crashed}" in told
    assert "Source" in told
    assert f"/runs/flow-run/{night.dies}" in told
