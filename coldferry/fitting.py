"""Whether a set of machines fits a window, and what stands in the way. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from heapq import heapify, heapreplace

from pydantic import BaseModel, ConfigDict, Field

from coldferry.estimating import Estimate


class Allowed(BaseModel):
    """What somebody allows a set of migrations, all together."""

    model_config = ConfigDict(frozen=True)

    machines_at_once: int = Field(default=4, ge=1)
    bytes_per_s: float | None = Field(default=None, gt=0)


class Verdict(BaseModel):
    """``fits`` is None where it cannot be told: what is known fits, and something is not known.

    ``needed_s`` is the least that it takes. ``bottleneck`` names what holds it
    up most; ``short`` says each quota that is not enough.
    """

    model_config = ConfigDict(frozen=True)

    fits: bool | None
    needed_s: float
    window_s: float
    bottleneck: str
    short: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def fits(
    estimates: Sequence[Estimate],
    window_s: float,
    quotas: Mapping[str, int] | None = None,
    allowed: Allowed | None = None,
) -> Verdict:
    """Whether all of them can be moved within ``window_s`` seconds.

    ``quotas`` is what is left of each, by the names of an estimate's ``needs``;
    one that is not there is not known. Machines begin in their order, as soon
    as one of ``machines_at_once`` has ended. What they share (an account's
    request quota, the worker, the limit on bytes) takes at least the sum of
    what all of them ask of it.
    """
    terms = allowed or Allowed()
    found = [_one_after_another(estimates, terms.machines_at_once), *_shared(estimates, terms)]
    needed_s, bottleneck = max(found)
    short, untold = _short(estimates, quotas)
    steps = dict.fromkeys(name for one in estimates for name in one.whole_s.unknown)
    unknown = (*(f"how long '{name}' takes" for name in steps), *untold)
    too_long = needed_s > window_s
    verdict = False if too_long or short else None if unknown else True
    return Verdict(
        fits=verdict,
        needed_s=round(needed_s, 3),
        window_s=window_s,
        bottleneck=bottleneck,
        short=short,
        unknown=unknown,
    )


def _one_after_another(estimates: Sequence[Estimate], at_once: int) -> tuple[float, str]:
    ends = [0.0] * at_once
    heapify(ends)
    longest: tuple[float, str] = (0.0, "")
    for one in estimates:
        seconds = one.whole_s.known
        heapreplace(ends, ends[0] + seconds)
        longest = max(longest, (seconds, one.bottleneck))
    last = max(ends)
    if last > longest[0]:
        return last, f"{at_once} machines at once"
    return last, longest[1]


def _shared(estimates: Sequence[Estimate], allowed: Allowed) -> list[tuple[float, str]]:
    """Copies and read-backs of several machines overlap: each bound is a floor by itself."""
    amounts = defaultdict[tuple[str, float], float](float)
    for one in estimates:
        for bound in one.bounds:
            if not bound.device:
                amounts[bound.name, bound.per_s] += bound.amount
    found = [(amount / per_s, name) for (name, per_s), amount in amounts.items()]
    if allowed.bytes_per_s:
        sent = sum(one.sent_bytes for one in estimates)
        found.append((sent / allowed.bytes_per_s, "bandwidth limit"))
    return found


def _short(
    estimates: Sequence[Estimate], quotas: Mapping[str, int] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Quotas that are not enough, and those that nobody could tell; None asks for none."""
    if quotas is None:
        return (), ()
    needs = Counter[str]()
    for one in estimates:
        needs.update(one.needs)
    short = tuple(
        f"{name}: {needed} needed, {quotas[name]} left"
        for name, needed in sorted(needs.items())
        if name in quotas and quotas[name] < needed
    )
    return short, tuple(f"the quota '{name}'" for name in sorted(needs) if name not in quotas)
