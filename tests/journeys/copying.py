"""``coldferry copy`` as its user has it: a process, files, page blobs in Azurite, EBS direct."""

import json
import os
import pty
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobClient, ContainerClient, generate_container_sas

from sandbox.azure.azurite import Azurite
from tests.journeys.sandbox import COLDFERRY, Answer

MIB = 1 << 20
_FOREIGN = ("AWS_", "AZURE_", "PREFECT_")


class Copier:
    """A home of its own, in which ``coldferry copy`` runs."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.argv_seen: list[bytes] = []

    def copy(self, *words: str | Path, **environment: str) -> Answer:
        """Run it to its end, with ``--json``."""
        process = self.start(*words, **environment)
        out, aside = process.communicate(timeout=120)
        assert "Traceback" not in out + aside, aside
        return Answer(process.returncode, json.loads(out), aside)

    def start(self, *words: str | Path, **environment: str) -> "subprocess.Popen[str]":
        """Begin it."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        process = subprocess.Popen(
            [str(COLDFERRY), "copy", *map(str, words), "--json"],
            env={**inherited, "COLDFERRY_HOME": str(self.home), **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.argv_seen.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())
        return process

    def on_a_terminal(self, *words: str | Path, bytes_per_s: int) -> str:
        """What it shows on standard error when that is a terminal; so slow that it is seen."""
        self._slow_down({"files": bytes_per_s})
        here, there = pty.openpty()
        with os.fdopen(here, "rb", buffering=0) as screen:
            process = subprocess.Popen(
                [str(COLDFERRY), "copy", *map(str, words)],
                env=os.environ | {"COLDFERRY_HOME": str(self.home)},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=there,
            )  # fmt: skip
            os.close(there)
            shown = b""
            with suppress(OSError):  # a terminal that everybody has left
                while part := screen.read(4096):
                    shown += part
        assert process.wait(60) == 0, shown
        return shown.decode()

    def _slow_down(self, rates: Mapping[str, int]) -> Path:
        limits = self.home / "limits.json"
        limits.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        slow = {cloud: {"bytes_per_s": rate} for cloud, rate in rates.items()}
        limits.write_text(json.dumps({"clouds": slow}))
        return limits

    def kill_when(
        self, reached: Callable[[], bool], *words: str | Path, **environment: str
    ) -> None:
        """Begin it, so slowly that it is seen on its way, and kill it with -9 once ``reached``."""
        limits = self._slow_down({"aws": 16 * MIB, "azure": 16 * MIB, "files": 128 * MIB})
        process = self.start(*words, **environment)
        until = time.monotonic() + 60
        while not reached():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        limits.unlink()

    def kept(self) -> bytes:
        """All that the home holds, and all command lines."""
        files = [path.read_bytes() for path in self.home.rglob("*") if path.is_file()]
        return b"\0".join([*files, *self.argv_seen])


class BlobStore:
    """A container in Azurite, and addresses of blobs in it with a signature."""

    def __init__(self, azurite: Azurite) -> None:
        self._azurite = azurite
        self._container = ContainerClient(
            azurite.url, "disks", credential=azurite.key, api_version="2023-11-03"
        )
        self._container.create_container()

    def url(self, name: str, permission: str = "rcw") -> str:
        """The address of a blob, signed for an hour."""
        sas = generate_container_sas(
            self._azurite.account, "disks", account_key=self._azurite.key, permission=permission,
            expiry=datetime.now(UTC) + timedelta(hours=1), version="2023-11-03",
        )  # fmt: skip
        return f"{self._azurite.url}/disks/{name}?{sas}"

    def blob(self, name: str) -> BlobClient:
        """A plain SDK client."""
        return self._container.get_blob_client(name)

    def content(self, name: str) -> bytes:
        """All bytes of a blob, as the SDK reads them."""
        return bytes(self.blob(name).download_blob().readall())


def a_disk(path: Path, size: int, *places: int, length: int = 200_000, seed: int = 1) -> Path:
    """A sparse file with random bytes at these places."""
    dice = random.Random(seed)
    with path.open("wb") as file:
        file.truncate(size)
        for place in places:
            file.seek(place)
            file.write(dice.randbytes(min(length, size - place)))
    return path


def secrets_in(url: str) -> list[bytes]:
    """What of an address must be nowhere."""
    found = [
        part.partition("=")[2] for part in url.partition("?")[2].split("&") if part[:4] == "sig="
    ]
    assert found
    return [word.encode() for word in found]


def aws_environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """The default chain's variables for a double of AWS."""
    return {
        "AWS_ACCESS_KEY_ID": settings["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": settings["secret_access_key"],
        "AWS_ENDPOINT_URL": settings["endpoint_url"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }
