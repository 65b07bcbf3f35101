"""Where trials run: a folder, its workloads, the fakes, and the commands of both sides."""

import json
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers, workloads
from benchmarks.errors import Misfit
from benchmarks.running import Run, run
from benchmarks.serving import Server
from benchmarks.table import Sample
from benchmarks.workloads import Workload

SIGNATURE = "sv=2021-08-06&se=2036-01-01T00%3A00%3A00Z&sr=c&sp=racwdl&sig=YmVuY2htYXJrcw%3D%3D"
_SWITCHED = Path(__file__).with_name("switched.py")
NO_DIGEST = {"COLDFERRY_BENCH_NO_DIGEST": "1"}
NO_MANIFEST = {"COLDFERRY_BENCH_NO_MANIFEST": "1"}
_LEAF_DIGEST_BYTES = 32
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Stage:
    """``scale`` below 1 shrinks the workloads: for a look at the rig, not for figures.

    ``coldferry`` is the command line that is measured.
    """

    folder: Path
    scale: float = 1.0
    coldferry: Path = peers.COLDFERRY

    def workload(self, name: str, part: float = 1.0) -> Workload:
        """Made unless it is there; ``part`` of it, at most all."""
        return workloads.make(name, self.folder / "data", self.scale * part)

    def data_bytes(self, name: str) -> int:
        """What a workload holds that is not zero; it need not be there."""
        return workloads.data_bytes(name, self.scale)

    @property
    def python(self) -> Path:
        """The interpreter that stands beside the command line, or else this one."""
        beside = self.coldferry.with_name("python")
        return beside if beside.is_file() else peers.PYTHON

    def server(self, name: str, **options: Any) -> Server:
        """A fake; see :class:`benchmarks.serving.Server`."""
        return Server(name, self.folder / "bin", **options)

    @property
    def home(self) -> Path:
        """``$COLDFERRY_HOME`` of the copies."""
        return self.folder / "home"

    def scratch(self, name: str) -> Path:
        """A path for a copy, with nothing there."""
        path = self.folder / "copies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path

    def page_blob(self, server: Server, workload: Workload) -> str:
        """The URL of a target, signature and all."""
        return f"{server.url}/devstoreaccount1/bench/{workload.name}.vhd?{SIGNATURE}"

    def start_copy(
        self,
        source: str | Path,
        target: str | Path,
        *flags: str,
        environment: Mapping[str, str],
        fresh: bool = True,
        kill_when: threading.Event | None = None,
    ) -> Run:
        """``coldferry copy`` as a process; ``fresh`` forgets what an earlier one left."""
        if fresh:
            shutil.rmtree(self.home, ignore_errors=True)
        words = [*self._command(environment), source, target, *flags, "--json"]
        more = {"COLDFERRY_HOME": str(self.home), **environment}
        return run(words, more, self.folder, kill_when=kill_when)

    def _command(self, environment: Mapping[str, str]) -> list[str | Path]:
        """The command line; the same without what a switch leaves out, where one is set."""
        if environment.keys() & (NO_DIGEST.keys() | NO_MANIFEST.keys()):
            return [self.coldferry.with_name("python"), "-P", _SWITCHED]
        return [self.coldferry, "copy"]

    def copy(
        self,
        source: str | Path,
        target: str | Path,
        *flags: str,
        environment: Mapping[str, str] | None = None,
        fresh: bool = True,
    ) -> Sample:
        """The same, which has to succeed; its JSON's numbers are counts of the sample.

        Raises Misfit when it fails, when its JSON lacks a number, or when a
        switch that leaves digests or the manifest out was not honoured.
        """
        environment = environment or {}
        done = self.start_copy(source, target, *flags, environment=environment, fresh=fresh)
        told = _told(done)
        counts = {
            key: float(told[key])
            for key in ("size_bytes", "data_bytes", "sent_bytes", "requests")
            if isinstance(told.get(key), int | float)
        }
        lacking = {"size_bytes", "data_bytes", "sent_bytes", "requests"} - counts.keys()
        if lacking:
            raise Misfit(
                f"The JSON of 'coldferry copy' has no {', '.join(sorted(lacking))}.", "Mend it."
            )
        if environment.keys() & NO_DIGEST.keys() and told.get("manifest_root"):
            raise Misfit(
                "COLDFERRY_BENCH_NO_DIGEST was not honoured: there is a root.",
                "Compare what leaves digests out.",
            )
        if environment.keys() & NO_MANIFEST.keys():
            self._has_no_manifest(counts["data_bytes"])
        return Sample(done, counts)

    def _has_no_manifest(self, data_bytes: float) -> None:
        kept = sum(path.stat().st_size for path in self.home.rglob("*") if path.is_file())
        least = data_bytes / workloads.BLOCK_BYTES * _LEAF_DIGEST_BYTES
        if kept >= least > 0:
            raise Misfit(
                f"COLDFERRY_BENCH_NO_MANIFEST was not honoured: {kept} bytes were written.",
                "Compare what leaves the manifest out.",
            )

    def copy_to_blob(
        self,
        server: Server,
        workload: Workload,
        *flags: str,
        environment: Mapping[str, str] | None = None,
    ) -> Sample:
        """To a page blob that is not there; what the fake counted is held against the JSON."""
        server.reset()
        more = {**trusting(server), **blob(self.page_blob(server, workload)), **(environment or {})}
        sample = self.copy(workload.path, "env:BENCH_TARGET", *flags, environment=more)
        counted = counted_by(server, workload)
        if sample.counts["sent_bytes"] != counted["body_bytes"]:
            raise Misfit(
                f"'coldferry copy' says that it sent {sample.counts['sent_bytes']:.0f} bytes, "
                f"the server took {counted['body_bytes']:.0f}.",
                "Mend the count.",
            )
        return Sample(sample.run, sample.counts | counted)

    def azcopy(self, server: Server, workload: Workload) -> Sample:
        """The same file to the same fake by azcopy. Raises Missing or Misfit."""
        program = peers.azcopy(self.folder)
        server.reset()
        words: list[str | Path] = [program, "copy", workload.path, self.page_blob(server, workload)]
        words += ["--blob-type", "PageBlob", "--from-to", "LocalBlob", "--log-level", "NONE"]
        words += ["--output-level", "quiet", "--skip-version-check"]
        places = {
            "AZCOPY_LOG_LOCATION": str(self.folder / "azcopy"),
            "AZCOPY_JOB_PLAN_LOCATION": str(self.folder / "azcopy"),
            "AZCOPY_DISABLE_SYSLOG": "true",
        }
        done = succeeded(run(words, places, self.folder), "azcopy")
        shutil.rmtree(self.folder / "azcopy", ignore_errors=True)
        return Sample(done, counted_by(server, workload))


def blob(url: str) -> dict[str, str]:
    """The environment in which ``env:BENCH_TARGET`` is that URL."""
    return {"BENCH_TARGET": url}


def trusting(server: Server) -> dict[str, str]:
    """The environment in which a client believes the fake's certificate."""
    if server.bundle is None:
        return {}
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
    return dict.fromkeys(names, str(server.bundle))


def ebs(server: Server) -> dict[str, str]:
    """The environment in which EBS direct is the fake."""
    return {**_CREDENTIALS, **trusting(server), "AWS_ENDPOINT_URL_EBS": server.url}


def counted_by(server: Server, workload: Workload) -> dict[str, float]:
    """The fake's counters. Raises Misfit when less arrived than the workload's data."""
    told = server.stat()
    if told["page_bytes"] < workload.data_bytes:
        raise Misfit(
            f"Only {told['page_bytes']} of {workload.data_bytes} bytes arrived.",
            "A copy that lacks data is no measurement: mend it.",
        )
    calls = sum(told[key] for key in ("writes", "clears", "reads", "other", "refused"))
    return {**{key: float(value) for key, value in told.items()}, "calls": float(calls)}


def succeeded(done: Run, name: str) -> Run:
    """The run, when it ended well. Raises Misfit with its last words."""
    if done.code:
        raise Misfit(f"'{name}' ended with {done.code}: {_said(done)}", "Run it by hand.")
    return done


def _said(done: Run) -> str:
    """The error in a JSON document, or the last line that was printed."""
    try:
        error = json.loads(done.out)["error"]
        return f"{error['what']} {error['do']}".strip()
    except (ValueError, KeyError, TypeError):
        return "".join((done.err.strip() or done.out.strip()).splitlines()[-1:])[:300]


def _told(done: Run) -> dict[str, Any]:
    succeeded(done, "coldferry copy")
    try:
        told = json.loads(done.out)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Misfit("'coldferry copy --json' printed no JSON object.", "Mend it.")
    return told


def watch(
    server: Server, enough_bytes: int, reached: threading.Event, over: threading.Event
) -> None:
    """Set ``reached`` once the fake has taken that many bytes; until ``over``."""
    while not over.is_set():
        if server.stat()["body_bytes"] >= enough_bytes:
            reached.set()
            return
        time.sleep(0.01)
