"""Everything at once: a place to try the UI in, and the demonstration."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from coldferry.errors import Conflict, Unreachable
from coldferry.home import home, locked, private
from console.demonstration import demonstrate
from console.output import Outcome, aside, command
from console.prefect_server import server_ended, server_log, use_server
from console.processes import end_tree, undisturbed
from console.sandboxing import sandbox_log, sandbox_runs, start_sandbox, stop_sandbox
from sandbox.state import route

POOL = "coldferry"
ROOT = Path(__file__).resolve().parent.parent


@command
def up() -> Outcome | None:
    """Start sandbox, Prefect server, work pool, worker and deployments; ctrl-C ends all of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with _only_one():
        _serve()
    return None


@contextmanager
def _only_one() -> Iterator[None]:
    """Raises Conflict while another ``up`` runs here. A killed one leaves no lock behind."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(home() / "up.lock", wait=False))
        except BlockingIOError:
            raise Conflict(
                f"'coldferry up' runs already in {home()}.",
                "Use that one, or end it with ctrl-C where it runs; "
                "COLDFERRY_HOME names another home for a second one.",
            ) from None
        yield


def _serve() -> None:
    worker = None
    there = sandbox_runs()  # somebody else's: not ours to end
    try:
        aside.print("Starting the clouds and the Prefect server …")
        state, _ = start_sandbox()
        aside.print("Starting the worker, and deploying …")
        _make_pool()
        _prefect("deploy", "--all")
        with undisturbed():
            worker = _worker()
        _show(use_server(), *route(state), there=there)
        while (ended := _ended(worker)) is None:
            time.sleep(0.2)
        raise ended
    except KeyboardInterrupt:
        aside.print("Ending the worker …" if there else "Ending all of it …")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # nothing may be left half ended
        if worker is not None:
            end_tree(worker.pid)
        if not there:
            stop_sandbox()


def _ended(worker: "subprocess.Popen[bytes]") -> Unreachable | None:
    """Which of the parts is no more, if one is; the others are of no use without it."""
    if worker.poll() is not None:
        return Unreachable("The worker ended by itself.", f"{_worker_log()} says why.")
    if not sandbox_runs():
        return Unreachable(
            "The sandbox's clouds ended by themselves, or 'coldferry sandbox down' ended them.",
            f"{sandbox_log()} says why. 'coldferry up' starts everything again.",
        )
    if server_ended():
        return Unreachable(
            "The Prefect server ended by itself.",
            f"{server_log()} says why. 'coldferry up' starts everything again.",
        )
    return None


@command
def demo() -> Outcome | None:
    """Move the sandbox's machine to the other cloud, saying what is done while it is done."""
    started = time.monotonic()
    # A home and a server of its own: nothing of a sandbox that runs is touched or ended.
    os.environ["COLDFERRY_HOME"] = str(home() / "demo")
    os.environ["PREFECT_HOME"] = str(home() / "prefect")
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.pop("PREFECT_PROFILES_PATH", None)
    try:
        demonstrate()
    finally:
        stop_sandbox()
    aside.print(f"All of it took {time.monotonic() - started:.0f} s.")
    return None


def _show(url: str, source: str, vm: str, target: str, *, there: bool) -> None:
    out = Console(highlight=False, markup=False)
    out.print(f"Prefect:  {url.removesuffix('/api')}")
    out.print("Start a migration: Deployments, migrate-vm, Run, Custom run.")
    out.print(f"  source  {source}\n  vm      {vm}\n  target  {target}")
    kept = "Ctrl-C ends the worker only: the clouds and the server ran before, and stay."
    out.print(kept if there else "Ctrl-C ends all of it.")
    sys.stdout.flush()


def _make_pool() -> None:
    """What ``prefect work-pool create --type process --overwrite`` makes.

    That command would import Prefect once more, and asks the internet which types of pools
    there are.
    """
    from prefect.client.orchestration import get_client  # it must find its server first
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.workers.process import ProcessWorker

    pool = WorkPoolCreate(
        name=POOL,
        type=ProcessWorker.type,
        base_job_template=ProcessWorker.get_default_base_job_template(),
        is_paused=False,
    )
    with get_client(sync_client=True) as client:
        client.create_work_pool(pool, overwrite=True)


def _prefect(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *words],
        cwd=ROOT,
        env=_environment(),
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _worker() -> "subprocess.Popen[bytes]":
    with open(_worker_log(), "ab", opener=private) as log:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL],
            cwd=ROOT,
            env={"PREFECT_WORKER_QUERY_SECONDS": "2", **_environment()},  # somebody is watching
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
        )


def _worker_log() -> Path:
    return home() / "worker.log"


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PREFECT_API_URL": use_server(),
        "PYTHONPATH": str(ROOT),
        "COLDFERRY_ROOT": str(ROOT),
    }
