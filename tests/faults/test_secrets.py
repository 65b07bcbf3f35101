"""No credential and no signature is written anywhere, whatever a migration comes to."""

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from console.prefect_server import end_group
from tests.faults.crossing import MIB, Crossing, dense, ended
from tests.unit.aws_world import KEY_ID, SECRET

pytestmark = pytest.mark.slow(takes_s=100)  # half a dozen commands, each with a server to search

PATIENCE_S = 240.0
ECHOED = "canary0echoed0by0the0cloud7Zq"
AWS_CANARIES = {
    "access_key_id": KEY_ID,
    "secret_access_key": SECRET,
    "session_token": "canary0session0token0dGhlcmU5",
    "external_id": "canary0external0id0b3V0c2lkZQ",
}
AZURE_CANARIES = {
    "tenant_id": "canary0tenant0id0c0ffee",
    "client_id": "canary0client0id0decade",
    "client_secret": "canary0client0secret0aHVzaA8",
}
# Prefect's own database brings one example address, whose signature is the word.
SIGNATURE = re.compile(rb"sig=(?!SIGNATURE)[A-Za-z0-9%+/]{8}", re.IGNORECASE)
SAVE = """
import json, sys
from console.prefect_server import use_server
print(use_server())
from tasks.clouds import Cloud
for name, settings in json.load(sys.stdin).items():
    Cloud.model_validate(settings).save(name)
"""


@dataclass
class Evidence:
    """All that was written or could be seen while the commands ran."""

    home: Path
    canaries: dict[str, str]
    migration: str = ""
    exits: list[int] = field(default_factory=list)
    streams: dict[str, bytes] = field(default_factory=dict)
    command_lines: set[bytes] = field(default_factory=set)

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Each stream, each file as it lies there, and each row of the database in words."""
        yield from self.streams.items()
        yield "process list", b"\n".join(self.command_lines)
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and path.name != "prefect.db-shm":
                yield str(path.relative_to(self.home)), path.read_bytes()
        with closing(sqlite3.connect(self.home / "prefect" / "prefect.db")) as database:
            yield "database", "\n".join(database.iterdump()).encode()

    def places_of(self, value: str) -> list[str]:
        """Where it is, plainly or in one of the usual disguises."""
        shapes = {value, quote(value, safe=""), json.dumps(value)[1:-1]}
        needles = [shape.encode() for shape in shapes] + [base64.b64encode(value.encode())]
        return [place for place, text in self.texts() if any(n in text for n in needles)]


class Teller:
    """Runs commands one after the other and keeps what they say."""

    def __init__(self, crossing: Crossing, evidence: Evidence) -> None:
        self.crossing, self.evidence = crossing, evidence
        self.environment = {
            "COLDFERRY_HOME": str(evidence.home),
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_LOGGING_TO_API_ENABLED": "true",
        }

    def save_blocks(self) -> None:
        """Credentials go in by stdin: nothing of them is in a command line."""
        blocks: dict[str, Any] = {}
        for access, more in (
            (self.crossing.source, {"aws": AWS_CANARIES}),
            (self.crossing.target, {"azure": AZURE_CANARIES}),
        ):
            settings = json.loads(access.model_dump_json())
            place = settings[access.provider]
            if access.provider == "azure":
                place["token"] = self.crossing.azure.server.token
            place.update(more[access.provider])
            blocks[f"crossing-{access.provider}"] = settings
        subprocess.run(
            [sys.executable, "-c", SAVE],
            input=json.dumps(blocks),
            env=os.environ | self.environment,
            text=True,
            check=True,
            capture_output=True,
        )

    def tell(self, what: str, process: "subprocess.Popen[str]") -> dict[str, Any]:
        code, document, aside = ended(process)
        self.evidence.exits.append(code)
        self.evidence.streams[what] = json.dumps(document).encode() + aside.encode()
        return document

    def wait_for_a_retry(self) -> None:
        """Prefect has stored why a task failed, and will try it again."""
        until = time.monotonic() + PATIENCE_S
        path = self.evidence.home / "prefect" / "prefect.db"
        while time.monotonic() < until:
            with closing(sqlite3.connect(path, timeout=10)) as database:
                asked = "select count(*) from task_run where state_name = 'AwaitingRetry'"
                if database.execute(asked).fetchone()[0]:
                    return
            time.sleep(0.2)
        pytest.fail("no task was tried again")


@pytest.fixture(scope="module")
def evidence(clouds: Crossing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Plan, two denied migrations, one that loses the cloud for a while, and its rollback."""
    home, folder = tmp_path_factory.mktemp("canaries"), tmp_path_factory.mktemp("answers")
    token = clouds.azure.server.token
    found = Evidence(home, AWS_CANARIES | AZURE_CANARIES | {"token": token, "echoed": ECHOED})
    teller = Teller(clouds, found)
    over = threading.Event()
    looking = threading.Thread(target=_look, args=(found.command_lines, over))
    looking.start()
    try:
        teller.save_blocks()
        _tell_the_story(teller, folder)
        yield found
    finally:
        over.set()
        looking.join()
        record = json.loads((home / "prefect" / "server.json").read_text())
        end_group(record["pid"])
        clouds.azure.server.mend_blobs()
        clouds.reset()
        clouds.discard()


def _tell_the_story(teller: Teller, folder: Path) -> None:
    clouds, environment = teller.crossing, teller.environment
    clouds.reset()
    moved = clouds.seed(dense(60))
    route = ("coldferry-cloud/crossing-aws", moved.vm, "coldferry-cloud/crossing-azure")
    plan = clouds.command("plan", *route, "--json", **environment)
    teller.evidence.migration = teller.tell("plan", plan)["migration"]

    said = f"You may not. Encoded authorization failure message: {ECHOED}"
    clouds.fault(
        "ec2:CreateSnapshots", status=403, code="UnauthorizedOperation", message=said, times=9
    )
    begun = clouds.begin(moved, folder, inspect=True, **environment)
    teller.tell("denied by the source", begun)
    said = f"Signature did not match, it was sig={ECHOED}&se=2030 and the token: {ECHOED}"
    clouds.reset()
    clouds.fault(
        "blob:PutPage", status=403, code="AuthenticationFailed", message=said, after=3, times=999
    )
    teller.tell("denied by the target", clouds.begin(moved, folder, **environment))

    clouds.reset()
    process = clouds.begin(moved, folder, inspect=True, **environment)
    while clouds.received("blob:PutPage") < 5 * MIB and process.poll() is None:
        time.sleep(0.005)
    clouds.azure.server.cut_blobs()
    teller.wait_for_a_retry()
    clouds.azure.server.mend_blobs()
    teller.tell("migrate", process)
    teller.tell("status", clouds.command("status", "--json", **environment))
    rollback = clouds.command("rollback", teller.evidence.migration, "--json", **environment)
    teller.tell("rollback", rollback)


def _look(command_lines: set[bytes], over: threading.Event) -> None:
    """Every command line of this machine, twenty times a second."""
    while not over.wait(0.05):
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command_lines.add(process.read_bytes())
            except OSError:
                continue


def test_the_story_went_as_told(evidence: Evidence) -> None:
    assert evidence.exits == [3, 4, 5, 0, 0, 0], evidence.streams


def test_the_search_finds_what_is_written(evidence: Evidence) -> None:
    """Its own control: an id that is no secret is in streams, files and the database."""
    places = evidence.places_of(evidence.migration)

    assert {"plan", "migrate", "database", "prefect/prefect.db"} <= set(places)
    assert any(place.startswith("reports/") for place in places)
    assert any(b"rollback" in line for line in evidence.command_lines)


@pytest.mark.parametrize("field", [*AWS_CANARIES, *AZURE_CANARIES, "token", "echoed"])
def test_no_credential_is_written_anywhere(evidence: Evidence, field: str) -> None:
    assert evidence.places_of(evidence.canaries[field]) == []


def test_no_signature_is_written_anywhere(evidence: Evidence) -> None:
    assert [place for place, text in evidence.texts() if SIGNATURE.search(text)] == []


def test_parameters_hold_references_only(evidence: Evidence) -> None:
    with closing(sqlite3.connect(evidence.home / "prefect" / "prefect.db")) as database:
        rows = database.execute("select name, parameters from flow_run").fetchall()
        logs = database.execute("select count(*) from log").fetchone()[0]
    clouds = [
        value
        for _, text in rows
        for name, value in json.loads(text).items()
        if name in ("source", "target")
    ]

    assert len(rows) >= 4
    assert clouds
    assert all(set(cloud) == {"$ref"} for cloud in clouds)
    assert logs > 0
