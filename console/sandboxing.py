"""Clouds on this machine: up and down."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coldferry.errors import Unreachable
from coldferry.home import folder, home, locked, private
from console import blocks
from console.listening import is_ours
from console.managing import Json
from console.output import Outcome, aside, command
from console.prefect_server import end_group, stop_server, use_server
from console.processes import undisturbed
from sandbox.state import clouds

_START_TIMEOUT_S = 300
"""Azurite is installed the first time."""

app = typer.Typer(
    help="Clouds on this machine, to try and to test with.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("up")
@command
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return")] = False,
    json: Json = False,
) -> Outcome | None:
    """Start two clouds on loopback, with one machine to move."""
    state, started = start_sandbox()
    outcome = Outcome(state, lambda out: _show(out, state))
    if detach:
        return outcome
    ended = _ended()
    _print(outcome, as_json=json, ours=started is not None)
    ended.wait()
    if started is not None:
        stop_sandbox(started)
    return None


@app.command("down")
@command
def down(json: Json = False) -> Outcome:
    """End the sandbox and the Prefect server that was started with it."""
    was_up = stop_sandbox()
    return Outcome(
        {"was_up": was_up},
        lambda out: out.print("The sandbox is down." if was_up else "There was no sandbox."),
    )


def start_sandbox() -> tuple[dict[str, Any], int | None]:
    """Start it, or find it running.

    The JSON of ``sandbox up``, and the process that was started for it: None
    where it ran before, and is somebody else's to end. Interrupted, it leaves nothing.
    """
    place = folder("sandbox")
    ours = False
    try:
        with locked(place / "lock"), undisturbed() as disturbed:
            found = _running(place)
            ours = found is None
            server = threading.Thread(target=use_server)
            server.start()
            try:
                running = found or _start(place, disturbed)
            finally:
                server.join()  # a server that is half started could not be ended
            if not disturbed():
                use_server()
                _save_blocks(running[0])
    except KeyboardInterrupt:
        if ours:
            stop_sandbox()
        raise
    return running[0], running[1] if ours else None


def stop_sandbox(started: int | None = None) -> bool:
    """End it and its Prefect server; whether there was one.

    With ``started`` only while that process is it: a later one is left alone.
    """
    place = home() / "sandbox"
    running = _running(place)
    if running is not None:
        if started not in (None, running[1]):
            return False
        end_group(running[1])
    (place / "state.json").unlink(missing_ok=True)
    stop_server()
    return running is not None


def sandbox_runs() -> bool:
    """This home's sandbox is up."""
    return _running(home() / "sandbox") is not None


def sandbox_log() -> Path:
    """What the sandbox's process writes."""
    return home() / "sandbox" / "sandbox.log"


def demo_answers() -> Path:
    """Answers for the seeded machine's gaps."""
    return home() / "sandbox" / "answers.yaml"


def _ended() -> threading.Event:
    """Set by SIGINT or SIGTERM from now on."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    return ended


def _running(place: Path) -> tuple[dict[str, Any], int] | None:
    """What it says of itself, and its process."""
    try:
        record = json.loads((place / "state.json").read_text())
        sandbox: dict[str, Any] = record["sandbox"]
        pid = int(record["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a torn record is none
    return (sandbox, pid) if is_ours(pid, "-m", "sandbox.daemon") else None


def _start(place: Path, disturbed: Callable[[], bool]) -> tuple[dict[str, Any], int]:
    (place / "state.json").unlink(missing_ok=True)
    log = sandbox_log()
    with open(log, "ab", opener=private) as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.daemon", str(place)],
            stdout=sink,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            umask=0o077,
        )
    until = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None and not disturbed():
        if (running := _running(place)) is not None:
            return running
        time.sleep(0.05)
    end_group(process.pid)
    if disturbed():
        raise KeyboardInterrupt
    raise Unreachable("The sandbox did not start.", f"{log} says why.")


def _save_blocks(state: dict[str, Any]) -> None:
    blocks.saved()  # what is no Prefect API is said before Prefect's client stumbles over it
    from tasks.clouds import Cloud  # imports Prefect, which must find its server

    for provider, settings in clouds(state).items():
        reached = {key: value for key, value in settings.items() if key != "block"}
        block = Cloud.model_validate({"provider": provider, provider: reached})
        block.save(settings["block"].partition("/")[2], overwrite=True)


def _print(outcome: Outcome, *, as_json: bool, ours: bool) -> None:
    if as_json:
        print(json.dumps(outcome.document, indent=2), flush=True)
    else:
        outcome.show(Console(highlight=False, markup=False))
        kept = "It ran before: ctrl-C leaves it, 'coldferry sandbox down' ends it."
        aside.print("Ctrl-C ends it." if ours else kept)


def _show(out: Console, state: dict[str, Any]) -> None:
    for provider, settings in clouds(state).items():
        address = settings.get("endpoint_url") or settings.get("endpoint")
        out.print(f"{provider} at {address}: {settings['block']}")
    out.print(f"Machines to move: {', '.join(state['machines'])}")
