"""A raw file to a page blob, beside azcopy and the SDK's own upload.

Our rows are of ``coldferry copy --no-verify``: digests and manifest on, nothing
read back, its start-up counted as the other's is.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.errors import Misfit
from benchmarks.running import run
from benchmarks.stage import Stage, blob, counted_by, succeeded
from benchmarks.table import Measure, Sample, other, own, ratio
from benchmarks.trials import Sides, Trial
from benchmarks.workloads import GIB, MIB, first_difference

PEAK_MIB = 160


def peak(of: str) -> Measure:
    """Peak memory, the same goal for every copy."""
    figure = own("peak_bytes", MIB)
    return Measure(f"{of}: peak memory", figure, PEAK_MIB, "MiB", paired=False, counted=True)


def _against_azcopy(
    name: str, *, delay_ms: int = 0
) -> Callable[[Stage], AbstractContextManager[Sides]]:
    @contextmanager
    def opened(stage: Stage) -> Iterator[Sides]:
        workload = stage.workload(name)
        with stage.server("page_blob", delay_ms=delay_ms) as server:
            yield Sides(
                lambda: stage.copy_to_blob(server, workload, "--no-verify"),
                lambda: stage.azcopy(server, workload),
            )

    return opened


@contextmanager
def _stored(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w2")
    folder = stage.folder / "store"

    def ours() -> Sample:
        sample = stage.copy_to_blob(server, workload)
        at = first_difference(workload, folder / f"{workload.name}.vhd")
        if at is not None:
            raise Misfit(f"The copy differs from its source near byte {at}.", "Mend it.")
        if not sample.counts["reads"]:
            raise Misfit("The copy was not read back.", "Mend it.")
        return sample

    try:
        with stage.server("page_blob", store=folder) as server:
            yield Sides(ours, lambda: stage.azcopy(server, workload))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _against_sdk(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w1")
    program = Path(__file__).with_name("sdk_upload.py")

    def sdk() -> Sample:
        server.reset()
        words = [peers.PYTHON, program, workload.path]
        url = blob(stage.page_blob(server, workload))
        done = succeeded(run(words, url, stage.folder), "azure-storage-blob's upload_blob")
        return Sample(done, counted_by(server, workload))

    with stage.server("page_blob") as server:
        yield Sides(lambda: stage.copy_to_blob(server, workload, "--no-verify"), sdk)


def _w1(stage: Stage) -> list[Measure]:
    data_gib = stage.data_bytes("w1") / GIB
    return [
        Measure("w1 dense to a page blob: wall against azcopy", ratio("wall_s"), 0.5),
        Measure("w1: CPU against azcopy", ratio("cpu_s"), 0.5),
        Measure("w1: CPU per GiB", own("cpu_s", data_gib), 1.5, "s", paired=False),
        peak("w1"),
    ]


def _w2(stage: Stage) -> list[Measure]:
    data = stage.data_bytes("w2")
    sent = own("body_bytes", data)
    return [
        Measure("w2 sparse to a page blob: wall against azcopy", ratio("wall_s"), 0.15),
        Measure("w2: CPU against azcopy", ratio("cpu_s"), 0.15),
        Measure("w2: CPU per GiB of data", own("cpu_s", data / GIB), 2.3, "s", paired=False),
        Measure("w2: bytes sent over data", sent, 1.08, paired=False, counted=True),
        Measure("w2: bytes that azcopy sends over data", other("body_bytes", data), None),
        peak("w2"),
    ]


def _w2z(_: Stage) -> list[Measure]:
    wall = Measure("w2z allocated zeros: wall against azcopy", ratio("wall_s"), 0.5)
    return [wall, peak("w2z")]


def _late(_: Stage) -> list[Measure]:
    return [Measure("w1, 30 ms a put: wall against azcopy", ratio("wall_s"), 0.6)]


def _proof(_: Stage) -> list[Measure]:
    what = "w2 copied and read back: wall against azcopy's copy alone"
    return [Measure(what, ratio("wall_s"), 0.4), peak("w2 copied and read back")]


def _sdk(_: Stage) -> list[Measure]:
    return [
        Measure("w1: wall against azure-storage-blob's upload_blob", ratio("wall_s"), None),
        Measure("w1: CPU against azure-storage-blob's upload_blob", ratio("cpu_s"), None),
    ]


TRIALS = (
    Trial("w2", "a sparse disk to a page blob, beside azcopy", _w2, _against_azcopy("w2")),
    Trial("w1", "a dense disk to a page blob, beside azcopy", _w1, _against_azcopy("w1")),
    Trial("w2z", "allocated zeros to a page blob, beside azcopy", _w2z, _against_azcopy("w2z")),
    Trial("late", "30 ms a put, beside azcopy", _late, _against_azcopy("w1", delay_ms=30)),
    Trial("proof", "copy and read-back on a storing server, beside azcopy", _proof, _stored),
    Trial("sdk", "a dense disk to a page blob, beside azure-storage-blob", _sdk, _against_sdk),
)
