"""What our own parts cost: ours beside ours, with one thing changed."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks.errors import Misfit
from benchmarks.running import run
from benchmarks.stage import NO_DIGEST, NO_MANIFEST, Stage, blob, counted_by, succeeded, watch
from benchmarks.table import Measure, Sample, less, own, ratio
from benchmarks.trials import Sides, Trial
from benchmarks.trials_page_blob import peak
from benchmarks.workloads import GIB, MIB

_MANY = 16
_SLOW_MS = 200
"""Each put sleeps that long where a copy is killed: it must not end before."""


@contextmanager
def _sizes(stage: Stage) -> Iterator[Sides]:
    large, small = stage.workload("w2_2t"), stage.workload("w2")
    with stage.server("page_blob") as server:
        yield Sides(
            lambda: stage.copy_to_blob(server, large, "--no-verify"),
            lambda: stage.copy_to_blob(server, small, "--no-verify"),
        )


@contextmanager
def _empty(stage: Stage) -> Iterator[Sides]:
    """Beside a process that imports exactly the modules that the copy loaded, and ends."""
    workload = stage.workload("empty")
    with stage.server("page_blob") as server:
        target = blob(stage.page_blob(server, workload))
        traced = stage.start_copy(
            workload.path,
            "env:BENCH_TARGET",
            "--no-verify",
            environment={**target, "PYTHONPROFILEIMPORTTIME": "1"},
        )
        succeeded(traced, "coldferry copy")
        script = stage.scratch("imports.py")
        script.write_text(_IMPORTING.format(names=sorted(imported(traced.err))))
        words = [stage.python, script]
        yield Sides(
            lambda: stage.copy_to_blob(server, workload, "--no-verify"),
            lambda: Sample(succeeded(run(words, {}, stage.folder), "python")),
        )


_IMPORTING = """\
import contextlib
import importlib

for name in {names}:
    with contextlib.suppress(Exception):
        importlib.import_module(name)
"""


def imported(traced: str) -> set[str]:
    """The modules named in what ``python -X importtime`` prints."""
    lines = (line for line in traced.splitlines() if line.startswith("import time:"))
    names = {line.rpartition("|")[2].strip() for line in lines}
    return {name for name in names if name.replace(".", "").replace("_", "").isalnum()}


def _without(
    name: str, switch: Mapping[str, str]
) -> Callable[[Stage], AbstractContextManager[Sides]]:
    @contextmanager
    def opened(stage: Stage) -> Iterator[Sides]:
        workload = stage.workload(name)
        with stage.server("page_blob") as server:
            yield Sides(
                lambda: stage.copy_to_blob(server, workload, "--no-verify"),
                lambda: stage.copy_to_blob(server, workload, "--no-verify", environment=switch),
            )

    return opened


@contextmanager
def _tls(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w1")
    with stage.server("page_blob", tls=True) as secret, stage.server("page_blob") as plain:
        yield Sides(
            lambda: stage.copy_to_blob(secret, workload, "--no-verify"),
            lambda: stage.copy_to_blob(plain, workload, "--no-verify"),
        )


@contextmanager
def _many(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w1", 1 / _MANY)
    program = Path(__file__).with_name("many_disks.py")
    words: list[str | Path] = [stage.python, program, workload.path, str(_MANY)]

    def ours() -> Sample:
        server.reset()
        shutil.rmtree(stage.home, ignore_errors=True)
        more = {"COLDFERRY_HOME": str(stage.home), **blob(stage.page_blob(server, workload))}
        done = succeeded(run(words, more, stage.folder), "sixteen disks at once")
        counted = counted_by(server, workload)
        if counted["page_bytes"] != _MANY * workload.data_bytes:
            raise Misfit("Not all of the sixteen disks arrived.", "Mend it.")
        return Sample(done, counted)

    with stage.server("page_blob") as server:
        yield Sides(ours)


@contextmanager
def _killed(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w1")
    with stage.server("page_blob", delay_ms=_SLOW_MS) as server:
        target = blob(stage.page_blob(server, workload))

        def ours() -> Sample:
            server.reset()
            reached, over = threading.Event(), threading.Event()
            half = (server, workload.data_bytes // 2, reached, over)
            watching = threading.Thread(target=watch, args=half)
            watching.start()
            first = stage.start_copy(
                workload.path,
                "env:BENCH_TARGET",
                "--no-verify",
                environment=target,
                kill_when=reached,
            )
            over.set()
            watching.join()
            if not reached.is_set() or first.code >= 0:
                raise Misfit(
                    f"The copy ended with {first.code} before it could be killed.",
                    "Use a larger scale.",
                )
            second = stage.copy(
                workload.path, "env:BENCH_TARGET", "--no-verify", environment=target, fresh=False
            )
            taken = server.stat()["body_bytes"]
            return Sample(second.run, {"again_bytes": taken - workload.data_bytes})

        yield Sides(ours)


def _measures(*found: Measure) -> Callable[[Stage], list[Measure]]:
    return lambda _: list(found)


def _tls_measures(stage: Stage) -> list[Measure]:
    data_gib = stage.data_bytes("w1") / GIB
    return [Measure("w1: CPU per GiB that TLS adds", less("cpu_s", data_gib), 0.6, "s")]


_SIZES = _measures(
    Measure("2 TiB against 16 GiB, the same data: CPU", ratio("cpu_s"), 1.1),
    Measure("2 TiB against 16 GiB, the same data: requests", ratio("calls"), 1.02, counted=True),
    peak("2 TiB"),
)
_EMPTY = _measures(
    Measure("an empty disk of 2 TiB: wall beyond imports", less("wall_s"), 0.5, "s"),
    Measure("an empty disk of 2 TiB: puts", own("writes"), 0, paired=False, counted=True),
)
_SHA_W1 = _measures(Measure("SHA-256 in flight, w1: wall", ratio("wall_s"), 1.9))
_SHA_W2 = _measures(Measure("SHA-256 in flight, w2: wall", ratio("wall_s"), 1.5))
_MANIFEST = _measures(Measure("the manifest, w1: wall", ratio("wall_s"), 1.03))
_KILLED = _measures(
    Measure(
        "sent again after kill -9", own("again_bytes", MIB), 64, "MiB", paired=False, counted=True
    )
)
_PEAK_OF_MANY = _measures(peak("sixteen disks at once, SDKs loaded"))

TRIALS = (
    Trial("sizes", "the same data on 2 TiB and on 16 GiB", _SIZES, _sizes),
    Trial("empty", "an empty disk, beside its imports alone", _EMPTY, _empty),
    Trial("many", "sixteen disks at once in one process", _PEAK_OF_MANY, _many),
    Trial("sha-w1", "digests on and off, dense", _SHA_W1, _without("w1", NO_DIGEST)),
    Trial("sha-w2", "digests on and off, sparse", _SHA_W2, _without("w2", NO_DIGEST)),
    Trial("manifest", "the manifest on and off", _MANIFEST, _without("w1", NO_MANIFEST)),
    Trial("tls", "TLS on and off", _tls_measures, _tls),
    Trial("killed", "kill -9 at half, and the same command again", _KILLED, _killed),
)
