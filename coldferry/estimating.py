"""What a migration would take: bytes, calls, minutes, downtime and money, before it is begun.

Each cloud says what its part takes (:class:`Share`), from rates and prices
that stand in dated files; here they are put together. What is not known is
named, and is never taken for nothing: a sum with such a part is an "at least".
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from coldferry.contents import DiskContent, Traffic
from coldferry.dated import ANYWHERE, Table
from coldferry.plain import counted

Period = Literal["once", "a month until it is finalised", "a month"]
PERIODS: tuple[Period, ...] = ("once", "a month until it is finalised", "a month")
Worker = Literal["source", "target", "elsewhere"]

MOVING = ("copy early", "copy", "read back")
"""The steps whose time follows from bytes."""

EARLY = ("freeze early", "copy early")
"""The steps of a machine that is copied while it runs: before the halt."""

WORTH_S = 60.0
"""How long a copy has to take for another one before the halt: a shorter one gains nothing that
the freeze, the listing of what changed and the second reading would not take again."""

HALTED = (
    "halt", "describe again", "freeze", "inspect again", "copy", "commit", "read back", "allocate",
    "compare",
)  # fmt: skip
"""The steps from the halt to the new machine: the downtime that a migration has by itself."""

STEPS = ("describe", "inspect", "preflight", *EARLY, *HALTED)
"""In their order. What a person takes to answer is no part of it."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


class Bound(_Said):
    """Something that a step cannot be faster than: ``amount`` at ``per_s`` a second.

    ``device`` is empty where all disks of an account share it: then machines
    that move at the same time share it, too, under the same ``name``.
    """

    step: str
    name: str
    amount: float
    per_s: float
    device: str = ""

    @property
    def seconds(self) -> float:
        """How long it takes when nothing else is in the way."""
        return self.amount / self.per_s


class Charge(_Said):
    """Something that is paid for: ``quantity`` units of ``item``, by the prices of ``place``."""

    what: str
    item: str
    place: str
    quantity: float
    period: Period = "once"


class Share(_Said):
    """What a migration takes of one cloud.

    ``calls`` counts requests by operation class (``aws: read``). ``needs`` is
    what it uses of a quota, by the quota's name.
    """

    calls: dict[str, int] = Field(default_factory=dict)
    bounds: tuple[Bound, ...] = ()
    charges: tuple[Charge, ...] = ()
    needs: dict[str, int] = Field(default_factory=dict)


class Terms(_Said):
    """What an estimate rests on: where the worker stands, and whether disks are looked into."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    rates: Table
    prices: Table
    worker: Worker = "elsewhere"
    inspect: bool = True
    looked_bytes: int = 0
    """What a look into the disks fetched, where one was taken."""
    bytes_per_s: float | None = None
    """What the migration may send, where somebody has set a limit."""
    runs: bool = False
    """The machine runs, and may be copied before its halt."""
    past: dict[str, tuple[float, int]] = Field(default_factory=dict)
    """By step: the median of earlier migrations' seconds, and how many they were."""


class Step(_Said):
    """One step's seconds, None when they are not known; and what holds it up, or who measured."""

    name: str
    seconds: float | None
    bottleneck: str = ""
    basis: str = ""


class Cost(_Said):
    """What one thing costs in US dollars, None when its price is not known."""

    what: str
    usd: float | None
    period: Period
    basis: str = ""


class Sum(_Said):
    """A sum: ``known`` of it, and what is not known and comes on top."""

    known: float
    unknown: tuple[str, ...] = ()


class Estimate(_Said):
    """One machine's migration. ``exact`` says that the bytes to read are listed as of now.

    Else ``ceiling`` says that they are at most that many. ``sent_bytes`` is a
    ceiling in both cases, as long as no request has to be repeated.
    """

    exact: bool
    ceiling: bool
    basis: str
    read_bytes: int
    sent_bytes: int
    calls: dict[str, int]
    steps: tuple[Step, ...]
    costs: tuple[Cost, ...]
    bounds: tuple[Bound, ...]
    needs: dict[str, int]
    rates_date: str
    prices_date: str
    early: str = ""
    """How a machine that is copied while it runs is gone on with after its halt; empty: it is
    copied after the halt alone."""

    @property
    def whole_s(self) -> Sum:
        """From the first question to the new machine, without what a person takes to answer."""
        return _seconds(self.steps)

    @property
    def downtime_s(self) -> Sum:
        """From the halt to the new machine, which is left stopped."""
        return _seconds(step for step in self.steps if step.name in HALTED)

    @property
    def copy_s(self) -> float:
        """The copy's seconds, as far as they are known."""
        return next((step.seconds or 0.0 for step in self.steps if step.name == "copy"), 0.0)

    @property
    def bottleneck(self) -> str:
        """What holds up the longest of the steps that are known."""
        longest = max(
            (step for step in self.steps if step.seconds is not None and step.bottleneck),
            key=lambda step: step.seconds or 0.0,
            default=None,
        )
        return longest.bottleneck if longest is not None else ""

    def usd(self, period: Period) -> Sum:
        """What is paid once, or by the month."""
        return money(self.costs, period)


def contents_or_whole(
    contents: Sequence[DiskContent], wholes: Sequence[DiskContent]
) -> tuple[DiskContent, ...]:
    """What is known of each device, else the whole of it; a disk of another size is not known."""
    known = {(one.device, one.size_bytes): one for one in contents}
    return tuple(known.get((one.device, one.size_bytes), one) for one in wholes)


def estimate(contents: Sequence[DiskContent], shares: Iterable[Share], terms: Terms) -> Estimate:
    """Put both clouds' shares together."""
    total = sum((one.traffic for one in contents), Traffic())
    calls, needs = Counter[str](), Counter[str]()
    bounds, charges = list[Bound](), list[Charge]()
    for share in shares:
        calls.update(share.calls)
        needs.update(share.needs)
        bounds += share.bounds
        charges += share.charges
    bounds += _of_the_worker(contents, total, terms)
    exact = all(one.listed and not one.as_of for one in contents)
    return Estimate(
        exact=exact,
        ceiling=not any(one.as_of for one in contents),
        basis=_basis(contents),
        read_bytes=total.read_bytes,
        sent_bytes=total.sent_bytes,
        calls=dict(sorted(calls.items())),
        steps=tuple(
            _step(name, bounds, terms)
            for name in STEPS
            if _wanted(name, terms) and name not in EARLY
        ),
        costs=tuple(_cost(charge, terms.prices) for charge in charges if charge.quantity),
        bounds=tuple(bounds),
        needs=dict(needs),
        rates_date=terms.rates.date,
        prices_date=terms.prices.date,
    )


def copied_early(
    first: Estimate, later: Estimate, both: Estimate, terms: Terms, how: str
) -> Estimate:
    """Of a machine whose disks are copied before the halt, and gone on with after it.

    ``first`` estimates the copy before, as if there were no other, ``later`` what is brought
    after the halt, and ``both`` all traffic.
    """
    bounds = [
        one.model_copy(update={"step": "copy early"}) for one in first.bounds if one.step == "copy"
    ]
    bounds += [one for one in later.bounds if one.step == "copy"]
    bounds += [one for one in first.bounds if one.step != "copy"]
    steps = tuple(_step(name, bounds, terms) for name in STEPS if _wanted(name, terms))
    return both.model_copy(update={"bounds": tuple(bounds), "steps": steps, "early": how})


def money(costs: Iterable[Cost], period: Period) -> Sum:
    """The sum of one period's costs."""
    of = [cost for cost in costs if cost.period == period]
    return Sum(
        known=sum(cost.usd for cost in of if cost.usd is not None),
        unknown=tuple(cost.what for cost in of if cost.usd is None),
    )


def duration(step: str, bounds: Iterable[Bound]) -> tuple[float, str]:
    """How long a step takes that all disks take at the same time, and what holds it up.

    Each disk takes as long as the tightest of its own bounds; what is shared
    takes the sum of what all disks ask of it.
    """
    of = [bound for bound in bounds if bound.step == step]
    shared = defaultdict[tuple[str, float], float](float)
    for bound in of:
        if not bound.device:
            shared[bound.name, bound.per_s] += bound.amount
    found = [(amount / per_s, name) for (name, per_s), amount in shared.items()]
    found += [(bound.seconds, f"{bound.name} of {bound.device}") for bound in of if bound.device]
    return max(found, default=(0.0, ""))


def as_json(found: Estimate) -> dict[str, object]:
    """The contract of ``--json``: all parts, and the sums that are made of them."""
    return {
        **found.model_dump(mode="json"),
        "bottleneck": found.bottleneck,
        "whole_s": found.whole_s.model_dump(mode="json"),
        "downtime_s": found.downtime_s.model_dump(mode="json"),
        "usd": {period: found.usd(period).model_dump(mode="json") for period in PERIODS},
    }


def _step(name: str, bounds: Sequence[Bound], terms: Terms) -> Step:
    if name in MOVING:
        seconds, why = duration(name, bounds)
        return Step(name=name, seconds=round(seconds, 3), bottleneck=why)
    if name in terms.past:
        median_s, count = terms.past[name]
        basis = f"the median of {counted(count, 'earlier migration')} from here"
        return Step(name=name, seconds=median_s, basis=basis)
    figure = terms.rates.find(f"step.{name}")
    if figure is None:
        return Step(name=name, seconds=None, basis="nobody has measured it")
    return Step(name=name, seconds=figure.each, basis=f"{figure.source}, {figure.seen}")


def _wanted(name: str, terms: Terms) -> bool:
    return terms.inspect or not name.startswith("inspect")


def _cost(charge: Charge, prices: Table) -> Cost:
    figure = prices.find(charge.item, charge.place)
    each = figure.each if figure is not None else None
    if figure is None or each is None:
        return Cost(
            what=charge.what, usd=None, period=charge.period,
            basis=f"no price of {charge.item} in the table of {prices.date}",
        )  # fmt: skip
    other = figure.place not in (ANYWHERE, charge.place)
    return Cost(
        what=charge.what,
        usd=round(charge.quantity * each, 6),
        period=charge.period,
        basis=f"{figure.source}, {figure.seen}"
        + (f"; list price of {figure.place}" if other else ""),
    )


def _of_the_worker(contents: Sequence[DiskContent], total: Traffic, terms: Terms) -> list[Bound]:
    """What the machine in the middle can do, as far as it is known."""
    found = []
    through = {"copy": total.read_bytes + total.sent_bytes, "read back": total.back_bytes}
    data = {"copy": total.read_bytes, "read back": total.back_bytes}
    rates: Mapping[str, float | None] = {
        "worker's bandwidth": terms.rates.each("worker.bytes-per-s"),
        "worker's CPU": terms.rates.each("worker.copied-bytes-per-s"),
    }
    for step in through:
        for name, per_s in rates.items():
            amount = (through if name == "worker's bandwidth" else data)[step]
            if per_s:
                found.append(Bound(step=step, name=name, amount=amount, per_s=per_s))
    if terms.bytes_per_s:
        found.append(
            Bound(
                step="copy", name="bandwidth limit", amount=total.sent_bytes,
                per_s=terms.bytes_per_s, device="this migration",
            )
        )  # fmt: skip
    return found if contents else []


def _basis(contents: Sequence[DiskContent]) -> str:
    if not contents:
        return "there is no disk to copy"
    old = sorted(one.as_of for one in contents if one.as_of)
    if old:
        whole = sum(not one.listed for one in contents)
        more = f"; {counted(whole, 'disk')} without one counted whole" if whole else ""
        return f"as snapshots from {old[0][:10]} on list it, without what was written since{more}"
    if all(one.listed for one in contents):
        return "what is allocated, as the source lists it"
    if any(one.listed for one in contents):
        return "what is allocated where the source lists it, else the disk's size: an upper bound"
    return "the disks' sizes, an upper bound: nobody has looked at what is allocated"


def _seconds(steps: Iterable[Step]) -> Sum:
    chosen = list(steps)
    return Sum(
        known=round(sum(step.seconds for step in chosen if step.seconds is not None), 3),
        unknown=tuple(step.name for step in chosen if step.seconds is None),
    )
