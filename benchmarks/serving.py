"""Builds and runs the fakes in ``servers/``: page blobs and EBS direct, plain or with TLS.

They end with the process that started them. Needs gcc and OpenSSL's headers
(Debian: gcc, libc6-dev, libssl-dev, openssl).
"""

import hashlib
import http.client
import json
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.errors import Missing

SOURCES = Path(__file__).with_name("servers")
_CALL_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Certificate:
    """A self-signed pair for localhost, as paths of PEM files."""

    chain: Path
    key: Path


def build(name: str, folder: Path) -> Path:
    """The program of ``servers/NAME.c`` in ``folder``, built unless it is there.

    Raises Missing when there is no compiler or a header is not found.
    """
    sources = [SOURCES / "serving.c", SOURCES / f"{name}.c"]
    said = b"".join(path.read_bytes() for path in [*sources, SOURCES / "serving.h"])
    program = folder / f"{name}-{hashlib.sha256(said).hexdigest()[:12]}"
    if program.is_file():
        return program
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise Missing("There is no C compiler.", "Run with --install, or install gcc.")
    folder.mkdir(parents=True, exist_ok=True)
    made = program.with_suffix(".new")
    words: list[str | Path] = [
        compiler,
        "-std=gnu11",
        "-O2",
        "-pthread",
        "-o",
        made,
        *sources,
        "-lssl",
        "-lcrypto",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        why = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        raise Missing(
            f"The fake {name} could not be built ({why.strip()}).",
            "Run with --install, or install libc6-dev and libssl-dev.",
        )
    made.rename(program)
    return program


def certificate(folder: Path) -> Certificate:
    """One for localhost and 127.0.0.1, made by openssl unless it is there."""
    pair = Certificate(folder / "certificate.pem", folder / "key.pem")
    if pair.chain.is_file() and pair.key.is_file():
        return pair
    program = shutil.which("openssl")
    if program is None:
        raise Missing("There is no openssl.", "Run with --install, or install openssl.")
    folder.mkdir(parents=True, exist_ok=True)
    more = (
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=critical,digitalSignature,keyCertSign",
    )
    extensions = [word for line in more for word in ("-addext", line)]
    words = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-days", "3650", "-subj", "/CN=localhost", *extensions]
    words += ["-keyout", str(pair.key), "-out", str(pair.chain)]
    subprocess.run(words, capture_output=True, check=True)
    return pair


class Server:
    """One running fake; ``with`` ends it.

    ``store`` is a folder that page blobs are kept in (without it their bytes are
    dropped); ``file`` the raw file that EBS direct serves as a snapshot;
    ``delay_ms`` is slept in every put and get of data.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        tls: bool = False,
        delay_ms: int = 0,
        store: Path | None = None,
        file: Path | None = None,
        verify: bool = False,
    ) -> None:
        words: list[str | Path] = [build(name, folder)]
        self._pair = certificate(folder) if tls else None
        if self._pair:
            words += ["-c", self._pair.chain, "-k", self._pair.key]
        if delay_ms:
            words += ["-d", str(delay_ms)]
        if store:
            store.mkdir(parents=True, exist_ok=True)
            words += ["-s", store]
        if file:
            words += ["-f", file]
        if verify:
            words += ["-v"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Missing(f"The fake {name} did not start.", "Read what it printed above.")
        self.port = int(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def url(self) -> str:
        """Scheme, host and port. With TLS by name, for the certificate's sake."""
        return f"{'https' if self._pair else 'http'}://{self.host}:{self.port}"

    @property
    def host(self) -> str:
        """Host part of the URL."""
        return "localhost" if self._pair else "127.0.0.1"

    @property
    def bundle(self) -> Path | None:
        """The PEM file that a client has to believe; None without TLS."""
        return self._pair.chain if self._pair else None

    def connect(self) -> http.client.HTTPConnection:
        """A connection that believes the server."""
        if self._pair is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_CALL_TIMEOUT_S)
        believed = ssl.create_default_context(cafile=self._pair.chain)
        return http.client.HTTPSConnection(
            "localhost", self.port, timeout=_CALL_TIMEOUT_S, context=believed
        )

    def stat(self) -> dict[str, int]:
        """The counters, since the start or the last reset."""
        return self._internal("GET", "/__stat")

    def reset(self) -> None:
        """Forget all blobs, started snapshots and counters."""
        self._internal("POST", "/__reset")

    def _internal(self, method: str, path: str) -> dict[str, int]:
        connection = self.connect()
        try:
            connection.request(method, path)
            told: dict[str, int] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return told
