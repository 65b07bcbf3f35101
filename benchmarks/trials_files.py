"""A raw file to a raw file, beside qemu-img and nbdcopy; and to a fixed VHD."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.errors import Misfit
from benchmarks.running import run
from benchmarks.stage import Stage, succeeded
from benchmarks.table import Measure, Sample, own, ratio
from benchmarks.trials import Sides, Trial
from benchmarks.trials_page_blob import peak
from benchmarks.workloads import Workload, first_difference


def _ours(stage: Stage, workload: Workload) -> Sample:
    copy = stage.scratch("ours.raw")
    sample = stage.copy(workload.path, copy, "--no-verify")
    at = first_difference(workload, copy)
    copy.unlink()
    if at is not None:
        raise Misfit(f"The copy differs from its source near byte {at}.", "Mend it.")
    return sample


@contextmanager
def _against_qemu(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w2")

    def theirs() -> Sample:
        program = peers.program("qemu-img")
        copy = stage.scratch("qemu.raw")
        both = (
            'set -e; "$0" convert -f raw -O raw -W -m 8 "$1" "$2"; '
            'exec "$0" compare -q -f raw -F raw "$1" "$2"'
        )
        words: list[str | Path] = ["/bin/sh", "-c", both, program, workload.path, copy]
        done = succeeded(run(words, {}, stage.folder), "qemu-img")
        copy.unlink()
        return Sample(done)

    yield Sides(lambda: _ours(stage, workload), theirs)


@contextmanager
def _against_nbdcopy(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w2")

    def theirs() -> Sample:
        copy = stage.scratch("nbdcopy.raw")
        words = [peers.program("nbdcopy"), workload.path, copy]
        done = succeeded(run(words, {}, stage.folder), "nbdcopy")
        copy.unlink()
        return Sample(done)

    yield Sides(lambda: _ours(stage, workload), theirs)


@contextmanager
def _vhd(stage: Stage) -> Iterator[Sides]:
    workload = stage.workload("w2")

    def ours() -> Sample:
        copy = stage.scratch("ours.vhd")
        sample = stage.copy(workload.path, f"vhd:{copy}", "--no-verify")
        at = first_difference(workload, copy)
        copy.unlink()
        if at is not None:  # the disk comes first; the footer behind it is not looked at
            raise Misfit(f"The copy differs from its source near byte {at}.", "Mend it.")
        return sample

    yield Sides(ours)


def _qemu_measures(stage: Stage) -> list[Measure]:
    sent = own("sent_bytes", stage.data_bytes("w2"))
    beside = "w2 file to file, digests on, against qemu-img convert then compare"
    return [
        Measure(f"{beside}: CPU", ratio("cpu_s"), 1.6),
        Measure(f"{beside}: wall", ratio("wall_s"), 2.0),
        Measure("w2 file to file: bytes sent over data", sent, 1.08, paired=False, counted=True),
        peak("w2 file to file"),
    ]


def _nbdcopy_measures(_: Stage) -> list[Measure]:
    beside = "w2 file to file, digests on, against nbdcopy"
    return [
        Measure(f"{beside}: CPU", ratio("cpu_s"), None),
        Measure(f"{beside}: wall", ratio("wall_s"), None),
    ]


def _vhd_measures(stage: Stage) -> list[Measure]:
    sent = own("sent_bytes", stage.data_bytes("w2"))
    return [
        Measure("w2 to a fixed VHD: bytes sent over data", sent, None, paired=False, counted=True)
    ]


TRIALS = (
    Trial("file", "file to file, beside qemu-img", _qemu_measures, _against_qemu),
    Trial("nbdcopy", "file to file, beside nbdcopy", _nbdcopy_measures, _against_nbdcopy),
    Trial("vhd", "a raw file to a fixed VHD", _vhd_measures, _vhd),
)
