"""What orchestration adds to a migration, and how fast the reading commands are.

``python -m benchmarks.bench_overhead [--runs N] [--json]``, beside a running
Prefect server and the two clouds on loopback, all in a home of its own.

The work of a migration is the time in which any of its working tasks ran
(halt, freeze, copy, commit, prove, allocate: bytes and waits for providers).
What orchestration adds is the flow from its first line to its last, without
that; and, for the whole command, the process from start to end without it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import httpx

COLDFERRY = Path(sys.executable).with_name("coldferry")
WORK = ("halt", "freeze", "copy", "commit", "prove", "allocate")
READING_RUNS = 5
PROMISE_S, PROMISE_PART = 10.0, 0.05
READING_PROMISE_S = 5.0


class Bench:
    """One sandbox in a home of its own."""

    def __init__(self, home: Path) -> None:
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "AWS_"))},
            "COLDFERRY_HOME": str(home),
        }
        self._home = home
        self.state = self.ask("sandbox", "up", "--detach")[0]
        self.source, self.target = (self.state[cloud]["block"] for cloud in ("aws", "azure"))
        self.vm = self.state["machines"][0]

    def ask(self, *words: str, codes: Sequence[int] = (0,)) -> tuple[Any, float]:
        """A command's JSON, and the seconds its process took."""
        begun = time.monotonic()
        done = subprocess.run(
            [COLDFERRY, *words, "--json"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        spent = time.monotonic() - begun
        if done.returncode not in codes:
            raise SystemExit(f"coldferry {' '.join(words)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout), spent

    def close(self) -> None:
        """End sandbox and server."""
        self.ask("sandbox", "down")

    def migrate(self) -> dict[str, float]:
        """One migration there and back; its seconds."""
        power = boto3.client(
            "ec2",
            endpoint_url=self.state["aws"]["endpoint_url"],
            region_name=self.state["aws"]["region"],
            aws_access_key_id=self.state["aws"]["access_key_id"],
            aws_secret_access_key=self.state["aws"]["secret_access_key"],
        )
        power.get_waiter("instance_running").wait(InstanceIds=[self.vm])
        answers = self._home / "sandbox" / "answers.yaml"
        report, process_s = self.ask(
            "migrate", self.source, self.vm, self.target, "--answers", str(answers)
        )
        flow_s, work_s = self._spans()
        self.ask("rollback", report["migration"])
        data_mib = sum(device["data_bytes"] for device in report["devices"]) / 2**20
        steps_s = sum(report["seconds"].values())
        allowed_s = PROMISE_S + PROMISE_PART * work_s
        return {
            "data_mib": round(data_mib, 1),
            "work_s": round(work_s, 2),
            "flow_s": round(flow_s, 2),
            "process_s": round(process_s, 2),
            "steps_s": round(steps_s, 2),
            "flow_adds_s": round(flow_s - work_s, 2),
            "process_adds_s": round(process_s - work_s, 2),
            "allowed_s": round(allowed_s, 2),
        }

    def _spans(self) -> tuple[float, float]:
        """Seconds of the latest migration's flow, and of the union of its working tasks."""
        api = json.loads((self._home / "prefect" / "server.json").read_text())["url"]
        time.sleep(2)  # what a task tells of itself arrives a moment later
        newest = {
            "sort": "START_TIME_DESC",
            "limit": 1,
            "flows": {"name": {"any_": ["migrate-vm"]}},
        }
        flow = httpx.post(f"{api}/flow_runs/filter", json=newest).json()[0]
        begun, over = _moment(flow["start_time"]), _moment(flow["end_time"])
        since = {"task_runs": {"start_time": {"after_": flow["start_time"]}}, "limit": 200}
        tasks = httpx.post(f"{api}/task_runs/filter", json=since).json()
        spans = sorted(
            (_moment(task["start_time"]), _moment(task["end_time"]))
            for task in tasks
            if task["name"].rpartition("-")[0] in WORK
        )
        return over - begun, _union(spans)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _union(spans: list[tuple[float, float]]) -> float:
    covered, until = 0.0, float("-inf")
    for begun, over in spans:
        covered += max(0.0, over - max(begun, until))
        until = max(until, over)
    return covered


def _figures(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "least": round(min(values), 2),
        "most": round(max(values), 2),
    }


def measure(runs: int) -> dict[str, Any]:
    """All figures; times in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            commands = {
                "describe": ("describe", bench.source, bench.vm),
                "plan": ("plan", bench.source, bench.vm, bench.target),
                "status": ("status",),
            }
            reading = {
                name: _figures([bench.ask(*words, codes=(0, 3))[1] for _ in range(READING_RUNS)])
                for name, words in commands.items()
            }
            moves = [bench.migrate() for _ in range(runs)]
        finally:
            bench.close()
    return {
        "migrations": moves,
        "summary": {key: _figures([move[key] for move in moves]) for key in moves[0]},
        "reading_s": reading,
        "load_average": os.getloadavg()[0],
    }


def show(found: dict[str, Any]) -> None:
    """As a table."""
    print(f"load average at the end {found['load_average']:.1f}, {os.cpu_count()} CPUs")
    print(f"{'migration':<16}{'median':>8}{'least':>8}{'most':>8}")
    for key, figures in found["summary"].items():
        print(f"{key:<16}" + "".join(f"{value:>8.2f}" for value in figures.values()))
    print(
        f"{'command, s':<16}{'median':>8}{'least':>8}{'most':>8}   promise {READING_PROMISE_S:.0f}"
    )
    for key, figures in found["reading_s"].items():
        print(f"{key:<16}" + "".join(f"{value:>8.2f}" for value in figures.values()))


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    found = measure(asked.runs)
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
