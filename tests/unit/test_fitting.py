"""Does a set of machines fit a window: yes, no, or not to be told, and what holds it up."""

from hypothesis import given
from hypothesis import strategies as st

from coldferry.estimating import Bound, Estimate, Step
from coldferry.fitting import Allowed, fits


def moving(
    seconds: float, *, sent: int = 0, reads: float = 0, needs: dict | None = None,
    unknown: bool = False,
) -> Estimate:  # fmt: skip
    """A machine whose copy takes so long, and that asks so much of an account's quota."""
    steps = [Step(name="copy", seconds=seconds, bottleneck="disk limit of disk0")]
    if unknown:
        steps.append(Step(name="freeze", seconds=None))
    bounds = [Bound(step="copy", name="EBS request quota", amount=reads, per_s=1000)]
    return Estimate(
        exact=True, ceiling=True, basis="", read_bytes=sent, sent_bytes=sent, calls={},
        steps=tuple(steps), costs=(), bounds=tuple(bounds) if reads else (), needs=needs or {},
        rates_date="", prices_date="",
    )  # fmt: skip


def test_one_machine_that_is_quick_enough_fits():
    found = fits([moving(50)], 60)

    assert (found.fits, found.needed_s, found.bottleneck) == (True, 50, "disk limit of disk0")


def test_one_that_is_too_slow_does_not_and_its_own_bottleneck_is_named():
    found = fits([moving(70)], 60)

    assert (found.fits, found.bottleneck) == (False, "disk limit of disk0")


def test_more_than_are_moved_at_once_wait_for_one_another():
    found = fits([moving(10)] * 9, 25, None, Allowed(machines_at_once=4))

    assert (found.fits, found.needed_s, found.bottleneck) == (False, 30, "4 machines at once")


def test_what_an_account_shares_adds_up():
    found = fits([moving(10, reads=20_000)] * 4, 60)

    assert (found.fits, found.needed_s, found.bottleneck) == (False, 80, "EBS request quota")


def test_a_limit_on_bytes_adds_up_too():
    found = fits([moving(10, sent=1000)] * 4, 60, None, Allowed(bytes_per_s=50))

    assert (found.fits, found.needed_s, found.bottleneck) == (False, 80, "bandwidth limit")


def test_a_quota_that_is_spent_is_named_however_long_the_window_is():
    found = fits([moving(1, needs={"vCPUs": 8})] * 3, 1e9, {"vCPUs": 20})

    assert (found.fits, found.short) == (False, ("vCPUs: 24 needed, 20 left",))


def test_what_is_not_known_makes_no_yes():
    unmeasured = fits([moving(10, unknown=True)], 60)
    untold = fits([moving(10, needs={"disks": 1})], 60, {})

    assert (unmeasured.fits, unmeasured.unknown) == (None, ("how long 'freeze' takes",))
    assert (untold.fits, untold.unknown) == (None, ("the quota 'disks'",))
    assert fits([moving(70, unknown=True)], 60).fits is False


def test_nothing_fits_any_window():
    assert fits([], 0).fits is True


machines = st.lists(
    st.builds(
        moving, st.floats(0, 1e5), sent=st.integers(0, 10**12), reads=st.floats(0, 1e7),
        needs=st.dictionaries(st.sampled_from(["vCPUs", "disks"]), st.integers(0, 9)),
    ),
    max_size=8,
)  # fmt: skip
slots = st.integers(1, 6)
rates = st.one_of(st.none(), st.floats(1, 1e9))


@given(machines, machines, slots, rates)
def test_more_machines_never_need_less_time(some, more, at_once, rate):
    allowed = Allowed(machines_at_once=at_once, bytes_per_s=rate)

    assert fits(some, 1, None, allowed).needed_s <= fits(some + more, 1, None, allowed).needed_s


@given(machines, slots)
def test_more_at_once_never_need_more_time(some, at_once):
    few, many = (fits(some, 1, None, Allowed(machines_at_once=n)) for n in (at_once, at_once + 1))

    assert many.needed_s <= few.needed_s + 1e-3


@given(machines, st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_longer_window_never_stops_fitting(some, window, longer):
    if fits(some, window).fits:
        assert fits(some, window + longer).fits


@given(machines, st.integers(0, 50), st.integers(0, 50))
def test_a_larger_quota_never_stops_fitting(some, left, more):
    quotas = {"vCPUs": left, "disks": left}
    if fits(some, 1e9, quotas).fits:
        assert fits(some, 1e9, {name: n + more for name, n in quotas.items()}).fits
