"""EBS direct both ways under TLS. No peer copies a file that way outside of AWS: no pairs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks.errors import Misfit
from benchmarks.stage import Stage, blob, counted_by, ebs
from benchmarks.table import Measure, Rule, Sample, own, rate
from benchmarks.trials import Sides, Trial
from benchmarks.trials_page_blob import peak
from benchmarks.workloads import GIB, MIB

_REGION = "eu-central-1"
_SNAPSHOT = f"ebs:{_REGION}/snap-0000000000000001"
_NEW = f"ebs:{_REGION}/new"
_LATE_MS = 100


def _putting(
    name: str, *, delay_ms: int = 0, verify: bool = False
) -> Callable[[Stage], AbstractContextManager[Sides]]:
    @contextmanager
    def opened(stage: Stage) -> Iterator[Sides]:
        workload = stage.workload(name)

        def ours() -> Sample:
            server.reset()
            done = stage.copy(workload.path, _NEW, "--no-verify", environment=ebs(server))
            told = server.stat()
            if told["blocks"] < workload.blocks():
                raise Misfit(
                    f"Only {told['blocks']} of {workload.blocks()} blocks arrived.", "Mend it."
                )
            beyond = {"beyond": float(told["writes"] - workload.blocks())}
            return Sample(done.run, done.counts | beyond)

        with stage.server("ebs_direct", tls=True, delay_ms=delay_ms, verify=verify) as server:
            yield Sides(ours)

    return opened


def _getting(*, delay_ms: int = 0) -> Callable[[Stage], AbstractContextManager[Sides]]:
    """To a page blob over plain HTTP that drops what it is sent: the cheapest target there is."""

    @contextmanager
    def opened(stage: Stage) -> Iterator[Sides]:
        workload = stage.workload("w1")

        def ours() -> Sample:
            target.reset()
            url = stage.page_blob(target, workload)
            done = stage.copy(
                _SNAPSHOT, "env:BENCH_TARGET", "--no-verify", environment=ebs(source) | blob(url)
            )
            return Sample(done.run, done.counts | counted_by(target, workload))

        with (
            stage.server("ebs_direct", tls=True, delay_ms=delay_ms, file=workload.path) as source,
            stage.server("page_blob") as target,
        ):
            yield Sides(ours)

    return opened


def _cost(what: str) -> Callable[[Stage], list[Measure]]:
    def measures(stage: Stage) -> list[Measure]:
        data_gib = stage.data_bytes("w1") / GIB
        return [
            Measure(f"{what}: CPU per GiB", own("cpu_s", data_gib), 2.9, "s", paired=False),
            peak(what),
        ]

    return measures


def _pace(what: str) -> Callable[[Stage], list[Measure]]:
    def measures(stage: Stage) -> list[Measure]:
        figure = rate(stage.data_bytes("w1") / MIB)
        return [Measure(what, figure, 250, "MiB/s", Rule.AT_LEAST, paired=False), peak(what)]

    return measures


def _exact(_: Stage) -> list[Measure]:
    what = "w2 to EBS direct: blocks sent beyond those that are not zero"
    return [Measure(what, own("beyond"), 0, rule=Rule.EXACTLY, paired=False, counted=True)]


TRIALS = (
    Trial(
        "ebs-blocks", "which blocks of a sparse disk are sent", _exact, _putting("w2", verify=True)
    ),
    Trial("ebs-put", "a dense disk to EBS direct", _cost("EBS direct, put"), _putting("w1")),
    Trial("ebs-get", "a snapshot from EBS direct", _cost("EBS direct, get"), _getting()),
    Trial(
        "ebs-put-late",
        "100 ms a block, to EBS direct",
        _pace("100 ms per 512 KiB block, put"),
        _putting("w1", delay_ms=_LATE_MS),
    ),
    Trial(
        "ebs-get-late",
        "100 ms a block, from EBS direct",
        _pace("100 ms per 512 KiB block, get"),
        _getting(delay_ms=_LATE_MS),
    ),
)
