"""Waves as runs of their deployment, driven through Prefect's REST API."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.journeys.serving import ENDED, LOOK_EACH_S, Served

ANSWERS = {
    "nics[0].subnet_id": "vnet-main/default",
    "disks[0].kind": "acknowledge",
    "secure_boot": "acknowledge",
    "nics[0].security_groups[0].id": "acknowledge",
    "nics[0].public_address": "acknowledge",
}
SIGNED = {"decided_by": "Ada", "reason": "CHG-4712"}


class ServedWave:
    """One wave's run, and its children by the wave's tag."""

    def __init__(self, served: Served, name: str, rows: Mapping[str, Any], **head: Any) -> None:
        self.served, self.name = served, name
        ends = {"source": served.sandbox.source, "target": served.sandbox.target}
        options = {"inspect": False, "use_book": False}
        told = [{"name": row, **ends, "options": options, **more} for row, more in rows.items()]
        self.manifest = json.dumps({"name": name, "rows": told, **head})  # YAML reads JSON
        self.id = self.submit()

    def submit(self) -> str:
        """As the deployment's form does; the run's id."""
        found = self.served.api("GET", "/deployments/name/migrate-wave/migrate-wave")
        made = self.served.api(
            "POST",
            f"/deployments/{found['id']}/create_flow_run",
            {"parameters": {"manifest": self.manifest}, "state": {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def children(self, row: str = "") -> list[Any]:
        """Runs of migrate-vm that this wave began, the first one first."""
        tags = [f"coldferry-wave:{self.name}", *([f"coldferry-row:{row}"] if row else [])]
        asked = {
            "flow_runs": {"tags": {"all_": tags}},
            "flows": {"name": {"any_": ["migrate-vm"]}},
        }
        found: list[Any] = self.served.api("POST", "/flow_runs/filter", asked)
        return sorted(found, key=lambda run: str(run["created"]))

    def wait_for(self, what: Callable[[], Any], timeout_s: float = 400) -> Any:
        """What is true of it at last; fails when the wave's run is over before."""
        until = time.monotonic() + timeout_s
        while not (found := what()):
            state = self.served.run(self.id)["state"]
            assert state["name"] not in ENDED, state
            assert time.monotonic() < until, [
                (child["name"], child["state"]["name"]) for child in self.children()
            ]
            time.sleep(LOOK_EACH_S)
        return found

    def answer(self, schema: Mapping[str, Any]) -> Any:
        """Send the form: the network, and that all else is understood."""
        said = {}
        for name, field in schema["properties"].items():
            if name.startswith("gap_"):
                offered = field["enum"]
                said[name] = offered[0] if "acknowledge" in offered else "vnet-main/default"
        return self.served.resume(self.id, decision="approve", **said, **SIGNED)

    def kill(self, run: str) -> None:
        """End a run's process as a kernel out of memory does."""
        mark = f"PREFECT__FLOW_RUN_ID={run}".encode()
        self.wait_for(lambda: _killed(mark), timeout_s=60)

    def crashed(self) -> Any:
        """The run once its worker has said, too, that its process is gone: a second Crashed.

        One that is retried between the two would be crashed by the second.
        """
        self.served.wait(self.id, "Crashed")
        until = time.monotonic() + 30
        while time.monotonic() < until:
            told = self.served.api("GET", f"/flow_run_states/?flow_run_id={self.id}")
            if any("infrastructure exited" in (state["message"] or "") for state in told):
                break
            time.sleep(LOOK_EACH_S)
        return self.served.run(self.id)

    def page(self) -> str:
        """The newest page of it."""
        asked = {"artifacts": {"key": {"any_": [f"wave-{self.name}"]}}, "sort": "CREATED_DESC"}
        return str(self.served.api("POST", "/artifacts/filter", asked)[0]["data"])


def _killed(mark: bytes) -> bool:
    for folder in Path("/proc").iterdir():
        try:
            found = folder.name.isdigit() and mark in (folder / "environ").read_bytes()
        except OSError:
            continue
        if found and int(folder.name) != os.getpid():
            os.kill(int(folder.name), signal.SIGKILL)
            return True
    return False
