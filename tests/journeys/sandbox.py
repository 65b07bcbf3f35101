"""The sandbox as its user has it: commands, one JSON document each, and the clouds behind."""

import asyncio
import io
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from sandbox.aws import seed

COLDFERRY = Path(__file__).parents[2] / ".venv" / "bin" / "coldferry"
_FOREIGN = ("AWS_", "AZURE_", "PREFECT_")
_COMMAND_S = 400
BY_THE_BOOK = ("plan", "migrate", "gaps", "compare")


class Answer(NamedTuple):
    """What a command came to. ``document`` is the one JSON document that it wrote to stdout."""

    exit_code: int
    document: Any
    stderr: str

    @property
    def error(self) -> dict[str, Any]:
        """The error that it reports."""
        return self.document["error"]

    @property
    def sentences(self) -> str:
        """What happened and what to do, as a person reads it."""
        return f"{self.error['what']} {self.error['do']}".strip()


class Sandbox:
    """One running sandbox in a home of its own, and plain clients of both its clouds."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state: dict[str, Any] = {}
        self.source = self.target = ""
        self.by_book = False

    def up(self) -> None:
        """Start it."""
        self.state = self.cli("sandbox", "up", "--detach").document
        self.source, self.target = self.state["aws"]["block"], self.state["azure"]["block"]

    def down(self) -> None:
        """End its processes, whatever they are doing."""
        pids = [pid for pid in self._pids() if pid]
        try:
            self.cli("sandbox", "down")
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)

    def cli(self, *words: str | Path) -> Answer:
        """Run ``coldferry`` as a process, as everybody does."""
        ran = subprocess.run(
            [str(COLDFERRY), *map(str, self._alone(words)), "--json"],
            env=self._environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return _checked(ran.returncode, ran.stdout, ran.stderr)

    def text(self, *words: str | Path) -> str:
        """What a command that goes well writes to stdout when it is no JSON."""
        ran = subprocess.run(
            [str(COLDFERRY), *map(str, self._alone(words))],
            env=self._environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            stdin=subprocess.DEVNULL,
            check=True,
        )
        return ran.stdout

    def here(self, *words: str | Path) -> Answer:
        """The same command in this process: it spares the imports, five seconds each time."""
        from console.main import main

        out, aside = io.StringIO(), io.StringIO()
        words = ("coldferry", *map(str, self._alone(words)), "--json")
        with self.inside(), mock.patch.object(sys, "argv", list(words)):
            code: Any = 0
            try:
                with redirect_stdout(out), redirect_stderr(aside):
                    main()
            except SystemExit as ended:
                code = ended.code
        return _checked(code, out.getvalue(), aside.getvalue())

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This process talks to the sandbox's Prefect server and keeps its files in its home."""
        url = json.loads((self.home / "prefect" / "server.json").read_text())["url"]
        settings = {
            PREFECT_API_URL: url,
            PREFECT_API_SSL_CERT_FILE: str(self.home / "prefect" / "authority.pem"),
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # its thread costs a second a run
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        environment = {"COLDFERRY_HOME": str(self.home), "PREFECT_API_URL": url}
        before = os.umask(0o077)  # as a command sets it
        try:
            with mock.patch.dict(os.environ, environment), temporary_settings(settings):
                yield
        finally:
            os.umask(before)

    def answers(self, vm: str, path: Path) -> list[str | Path]:
        """Options with answers to all that is missing: first candidates and acknowledgements.

        One answer may raise the next question, so it is planned until there is none.
        """
        given: dict[str, str] = {}
        for _ in range(4):
            path.write_text(json.dumps(given))  # YAML reads JSON
            plan = self.here("plan", self.source, vm, self.target, "--answers", path)
            if not plan.document["missing"]:
                break
            fields = {field["path"]: field for field in plan.document["translation"]}
            for missing in plan.document["missing"]:
                given[missing] = _answer(fields[missing])
        return ["--answers", path]

    def save_block(self, name: str, like: str, **changes: Any) -> str:
        """Save a cloud like the sandbox's ``aws`` or ``azure``, but for ``changes``; its name."""
        from tasks.clouds import Cloud

        settings = {key: value for key, value in self.state[like].items() if key != "block"}
        with self.inside():
            block = Cloud.model_validate({"provider": like, like: settings | changes})
            block.save(name, overwrite=True)
        return f"coldferry-cloud/{name}"

    def remove_block(self, block: str) -> None:
        """Take a saved cloud away again."""
        from tasks.clouds import Cloud

        with self.inside():
            Cloud.delete(block.partition("/")[2])

    @contextmanager
    def booked(self) -> Iterator[None]:
        """While inside, commands use the translation book; it is empty before and after."""
        self._forget_all()
        self.by_book = True
        try:
            yield
        finally:
            self.by_book = False
            self._forget_all()

    def _forget_all(self) -> None:
        from tasks.book import forget, open_book

        async def forget_all() -> None:
            await forget((await open_book()).rules)

        with self.inside():
            asyncio.run(forget_all())

    def aws(self, service: str, **config: Any) -> Any:
        """A plain boto3 client."""
        given = self.state["aws"]
        return seed.client(
            service,
            given["endpoint_url"],
            given["access_key_id"],
            given["secret_access_key"],
            given["region"],
            **config,
        )

    @cached_property
    def ec2(self) -> Any:
        """A plain boto3 client of EC2."""
        return self.aws("ec2")

    @contextmanager
    def failing(self, cloud: str, *faults: dict[str, Any]) -> Iterator[None]:
        """While inside, calls to that cloud fail as ``sandbox.faults`` has it."""
        self.control(cloud, "POST", "faults", list(faults))
        try:
            yield
        finally:
            self.control(cloud, "DELETE", "faults")

    def control(self, cloud: str, method: str, what: str, body: Any = None) -> Any:
        """Ask one of a double's control addresses."""
        given = self.state[cloud]
        address = f"{given.get('endpoint') or given['endpoint_url']}/_sandbox/{what}"
        ca = given.get("ca_bundle")
        context = ssl.create_default_context(cafile=ca) if ca else None
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, method=method)
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return json.loads(answer.read())

    def _alone(self, words: tuple[str | Path, ...]) -> tuple[str | Path, ...]:
        """Without the book, unless it is the matter: what one test answers, another is asked."""
        return (*words, "--no-book") if words[0] in BY_THE_BOOK and not self.by_book else words

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        return inherited | {"COLDFERRY_HOME": str(self.home)}

    def _pids(self) -> Iterator[int]:
        for record in ("sandbox/state.json", "prefect/server.json"):
            path = self.home / record
            yield json.loads(path.read_text())["pid"] if path.exists() else 0


def _answer(field: dict[str, Any]) -> str:
    if field["verdict"] == "missing":
        return str(field["candidates"][0]["value"])
    return "acknowledge"


def _checked(exit_code: Any, out: str, aside: str) -> Answer:
    assert "Traceback" not in out + aside, aside
    document = json.loads(out)  # raises unless stdout is exactly one document
    return Answer(int(exit_code or 0), document, aside)
