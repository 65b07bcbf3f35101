"""``coldferry up`` as a person runs it, and its Prefect API as any program may call it."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.journeys.arrivals import Arrivals
from tests.journeys.sandbox import COLDFERRY, Sandbox
from tests.journeys.seeding import Seeder

_FOREIGN = ("AWS_", "AZURE_", "PREFECT_")
_START_S = 400
_END_S = 60
LOOK_EACH_S = 0.5
"""Each look costs the server that all runs need, too; what is waited for takes many seconds."""
ENDED = ("Completed", "Failed", "Crashed", "Cancelled")


class Served:
    """Sandbox, server, worker and deployments in a home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.left: list[int] = []
        self.sandbox = Sandbox(home)
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Start all of it, and wait until it says its address."""
        self.start()
        self.wait_for("Ctrl-C")
        found = re.search(r"^Prefect: +(http\S+)", self._log.read_text(), re.MULTILINE)
        assert found, self._log.read_text()
        self.address = found[1]
        state = json.loads((self.home / "sandbox" / "state.json").read_text())["sandbox"]
        self.sandbox.state = state
        self.sandbox.source, self.sandbox.target = state["aws"]["block"], state["azure"]["block"]

    def start(self) -> None:
        """Start it, and do not wait."""
        with self._log.open("w") as sink:
            self._process = subprocess.Popen(
                [str(COLDFERRY), "up"],
                env=self._environment(),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def again(self) -> "subprocess.CompletedProcess[str]":
        """The same command once more in this home; what it came to."""
        return subprocess.run(
            [str(COLDFERRY), "up"],
            env=self._environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_END_S,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        return inherited | {"COLDFERRY_HOME": str(self.home)}

    def wait_for(self, words: str) -> None:
        """Wait until it has said ``words``."""
        assert self._process is not None
        until = time.monotonic() + _START_S
        while words not in self._log.read_text():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.1)

    def down(self, number: int = signal.SIGINT) -> int:
        """End it as ctrl-C does; its exit code. What it ``left`` is killed."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.end()

    def end(self) -> int:
        """Wait for its end; its exit code. What it ``left`` is killed."""
        assert self._process is not None
        try:
            return self._process.wait(_END_S)
        finally:
            self.left = self.processes()
            for pid in self.left:
                os.kill(pid, signal.SIGKILL)

    @property
    def _log(self) -> Path:
        return self.home / "up.log"

    def processes(self) -> list[int]:
        """Every process of this home that runs, by the environment that all of them inherit."""
        mark = f"COLDFERRY_HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            try:
                named = folder.name.isdigit() and mark in (folder / "environ").read_bytes()
            except OSError:
                continue
            if named and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        return found

    @cached_property
    def seeder(self) -> Seeder:
        """Makes machines at the sandbox's AWS."""
        return Seeder(self.sandbox)

    @cached_property
    def arrivals(self) -> Arrivals:
        """Looks at the sandbox's Azure."""
        return Arrivals(self.sandbox)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One call of Prefect's REST API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/api{path}",
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        for patience_s in (1, 2, 4, 0):  # 503: SQLite was busy, as it may be on a small machine
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.loads(answer.read() or b"null")  # a deletion answers nothing
            except urllib.error.HTTPError as error:
                if error.code != 503 or not patience_s:
                    raise
            except TimeoutError:
                if method != "GET" or not patience_s:
                    raise
            time.sleep(patience_s)
        raise AssertionError("unreachable")

    def submit(self, vm: str, **parameters: Any) -> str:
        """Start a run of the deployment as its form does; the run's id.

        Without the book, or what one test answers, another is not asked.
        """
        return self.order("migrate-vm", vm=vm, **{"use_book": False, **parameters})

    def order(self, name: str, **parameters: Any) -> str:
        """Start a run of any deployment between the two clouds; the run's id."""
        deployment = self.api("GET", f"/deployments/name/{name}/{name}")["id"]
        blocks = {
            "source": self._reference(self.sandbox.source),
            "target": self._reference(self.sandbox.target),
        }
        made = self.api(
            "POST",
            f"/deployments/{deployment}/create_flow_run",
            {"parameters": {**blocks, **parameters}, "state": {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def run(self, run: str) -> Any:
        """The run as it is now."""
        return self.api("GET", f"/flow_runs/{run}")

    def wait(self, run: str, *states: str, after: str = "", timeout_s: float = 400) -> Any:
        """Wait for one of ``states``, or fail in another final one; the run.

        ``after`` is the id of a state that does not count: an earlier suspension.
        """
        until = time.monotonic() + timeout_s
        while True:
            seen = self.run(run)
            fresh = seen["state"]["id"] != after
            if fresh and seen["state"]["name"] in states:
                return seen
            ended = fresh and seen["state"]["name"] in ENDED
            assert not ended and time.monotonic() < until, seen["state"]
            time.sleep(LOOK_EACH_S)

    def gone_on(self, asked: Any) -> None:
        """Wait until a run has left the state that it was seen in: its form has been taken."""
        until = time.monotonic() + 200
        while self.run(asked["id"])["state"]["id"] == asked["state"]["id"]:
            assert time.monotonic() < until, "the form was not taken"
            time.sleep(LOOK_EACH_S)

    def form(self, run: Any) -> tuple[dict[str, Any], str]:
        """What a suspended run asks: the JSON schema, and the text above it."""
        keys = run["state"]["state_details"]["run_input_keyset"]
        schema, text = (self._input(run["id"], keys[part]) for part in ("schema", "description"))
        return schema, text

    def _input(self, run: str, key: str) -> Any:
        """Prefect says Suspended first, and saves the form right after."""
        until = time.monotonic() + 30
        while True:
            try:
                return self.api("GET", f"/flow_runs/{run}/input/{key}")
            except urllib.error.HTTPError as error:
                if error.code != 404 or time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def resume(self, run: str, **said: str) -> Any:
        """Send the form; the server's word on it."""
        return self.api("POST", f"/flow_runs/{run}/resume", {"run_input": said})

    def retry(self, run: str) -> Any:
        """What the Retry button does; the server's word on it."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        return self.api("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def suspensions(self, run: str) -> int:
        """How often the run has asked."""
        states = self.api("GET", f"/flow_run_states/?flow_run_id={run}")
        return sum(state["name"] == "Suspended" for state in states)

    def _reference(self, block: str) -> Any:
        slug, _, name = block.partition("/")
        found = self.api("GET", f"/block_types/slug/{slug}/block_documents/name/{name}")
        return {"$ref": {"block_document_id": found["id"]}}
