"""Does it all work? Looks at everything a migration needs, and removes what it makes."""

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime

from coldferry.errors import BadInput, ColdferryError
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import Check
from providers.azure import disks, rights, vhd
from providers.azure.client import Arm
from providers.azure.disk_bytes import disk_bytes
from providers.azure.ids import Json, plain_location, properties
from providers.azure.kinds import DISK
from providers.azure.rights import NEEDED, NEEDED_OF_A_SOURCE

_TEST_BYTES = vhd.SMALLEST_BYTES

_OF_THE_TEST_DISK = frozenset({"Microsoft.Compute/disks/write", "Microsoft.Compute/disks/delete"})
"""Without both of them none is made: it could not be removed."""

_SKEW_S = 300
"""Azure refuses a SAS from a clock that is further off ("Shared access signatures")."""


def diagnose(arm: Arm) -> Iterator[Check]:
    """Identity, clock, resource group, permissions, locks, quotas, access to disks, data path.

    The data path is tried where a disk can be made, as a target's roles allow.

    Raises BadInput for a block that cannot be used as it is.
    """
    try:
        group, date = rights.resource_group(arm)
    except BadInput:
        raise
    except ColdferryError as error:
        yield Check("identity", ok=False, what=error.what, do=error.do)
        return
    yield Check("identity", ok=True, what=f"{arm.host} accepted the credentials.")
    yield _clock(date)
    yield _place(arm, group)
    if group is None:
        return
    missing = _missing(arm)
    yield _permissions(missing) if not isinstance(missing, Check) else missing
    yield _guarded("locks", lambda: _locks(arm))
    yield _guarded("quotas", lambda: _quotas(arm))
    if not isinstance(missing, Check) and not _OF_THE_TEST_DISK.isdisjoint(missing or ()):
        yield Check("data path", ok=None, what="Not tried: no disk may be made and removed here.")
        return
    try:
        with _test_disk(arm) as name:
            yield _access(arm.get(DISK, name))
            yield _guarded("data path", lambda: _data_path(arm, name))
    except ColdferryError as error:
        yield Check("data path", ok=False, what=error.what, do=error.do)


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except ColdferryError as error:
        return Check(name, ok=False, what=error.what, do=error.do)


def _clock(date: str) -> Check:
    if not date:
        return Check("clock", ok=None, what="The server did not say the time.")
    theirs = parsedate_to_datetime(date)
    skew_s = abs((dt.datetime.now(dt.UTC) - theirs).total_seconds())
    return Check(
        "clock", ok=skew_s < _SKEW_S, what=f"This clock and Azure's differ by {skew_s:.0f} s.",
        do="" if skew_s < _SKEW_S else "Set this machine's clock (NTP).",
    )  # fmt: skip


def _place(arm: Arm, group: Json | None) -> Check:
    name = arm.access.resource_group
    if group is None:
        return Check("resource group", ok=False, what=f"There is no resource group '{name}'.",
                     do="Create it, or name another one in the credentials block.")  # fmt: skip
    there = plain_location(str(group.get("location") or ""))
    wanted = plain_location(arm.access.location)
    remark = "" if there == wanted else f" It is in {there}, machines are made in {wanted}."
    return Check("resource group", ok=True, what=f"'{name}' is there.{remark}")


def _missing(arm: Arm) -> list[str] | Check | None:
    """What no role grants of all that either side needs; None when the roles cannot be read."""
    try:
        return rights.lacking(arm, tuple(dict.fromkeys((*NEEDED, *NEEDED_OF_A_SOURCE))))
    except ColdferryError as error:
        return Check("permissions", ok=False, what=error.what, do=error.do)


def _permissions(missing: list[str] | None) -> Check:
    """Which side the roles are for is not known: what is enough for one is not bad.

    Unless disks can be made: then it is meant for a target, or for both, and a person sees to it.
    """
    if missing is None:
        return Check("permissions", ok=None, what="The permissions cannot be read.")
    if not missing:
        return Check("permissions", ok=True, what="All needed actions are granted.")
    as_target = ", ".join(action for action in NEEDED if action in missing)
    as_source = ", ".join(action for action in NEEDED_OF_A_SOURCE if action in missing)
    if not as_target:
        return Check("permissions", ok=True,
                     what=f"Enough as a target. Lacking as a source: {as_source}.")  # fmt: skip
    if as_source:
        return Check(
            "permissions", ok=False,
            what=f"Lacking as a target: {as_target}. Lacking as a source: {as_source}.",
            do="Assign a role with these actions.",
        )  # fmt: skip
    return Check(
        "permissions", ok=True if {*missing} >= _OF_THE_TEST_DISK else None,
        what=f"Enough as a source. Lacking as a target: {as_target}.",
        do="To bring machines here, assign a role with these actions.",
    )  # fmt: skip


def _locks(arm: Arm) -> Check:
    found = rights.locks(arm)
    if found is None:
        return Check("locks", ok=None, what="The locks cannot be read.")
    if found := [lock for lock in found if lock.covers(arm.group_id)]:
        named = ", ".join(f"{lock.name} ({lock.level})" for lock in found)
        return Check("locks", ok=False, what=f"Locked: {named}.",
                     do="Remove the locks for the time of a migration.")  # fmt: skip
    return Check("locks", ok=True, what="No locks.")


def _quotas(arm: Arm) -> Check:
    usages = {usage["name"]["value"].lower(): usage for usage in arm.usages()}
    cores = usages.get("cores")
    if cores is None:
        return Check("quotas", ok=None, what="The quota of vCPUs is not told.")
    left = int(cores["limit"]) - int(cores["currentValue"])
    return Check("quotas", ok=left > 0, what=f"{left} regional vCPUs are left.",
                 do="" if left > 0 else "Ask for a higher quota.")  # fmt: skip


@contextmanager
def _test_disk(arm: Arm) -> Iterator[str]:
    """The smallest disk that awaits an upload, by its name; it is removed in any case."""
    name = f"coldferry-doctor-{secrets.token_hex(4)}"
    creation = {"createOption": "Upload", "uploadSizeBytes": _TEST_BYTES + vhd.FOOTER_BYTES}
    body = {
        "location": arm.access.location, "tags": {MIGRATION_TAG: name.removeprefix("coldferry-")},
        "sku": {"name": "Standard_LRS"}, "properties": {"creationData": creation},
    }  # fmt: skip
    try:
        arm.put(DISK, name, body)
        yield name
    finally:
        with suppress(ColdferryError):
            left = arm.find(DISK, name)
            if left is not None:
                disks.remove(arm, left)


def _access(disk: Json) -> Check:
    """What became of a disk for which nothing was asked: a policy may have closed it.

    Source: "Restrict managed disks from being imported or exported".
    """
    name = "disk access"
    network = properties(disk).get("networkAccessPolicy") or "AllowAll"
    public = properties(disk).get("publicNetworkAccess") or "Enabled"
    came = f"A new disk came with networkAccessPolicy {network}, publicNetworkAccess {public}"
    if network == "AllowPrivate":
        return Check(
            name, ok=None, what=f"{came}: its bytes are reached by a private endpoint only.",
            do="Run the worker where that endpoint is reached, or ask for an exemption from the "
            "policy that sets it.",
        )  # fmt: skip
    if network != "AllowAll" or public != "Enabled":
        return Check(
            name, ok=False, what=f"{came}: a policy denies access to the bytes of disks.",
            do="Ask the owner of the Azure Policy for an exemption of this resource group.",
        )  # fmt: skip
    return Check(name, ok=True, what="No policy closes a new disk to uploads and reads.")


def _data_path(arm: Arm, name: str) -> Check:
    """Upload a page to the test disk, and read it back."""
    page = secrets.token_bytes(512)
    found = bytearray(len(page))
    blob = disk_bytes(arm, name, "Write")
    blob.put(0, memoryview(page))
    blob.get(0, memoryview(found))
    blob.put(_TEST_BYTES, memoryview(vhd.footer(_TEST_BYTES, name)))
    blob.close()
    arm.revoke(DISK, name)
    if found != page:
        return Check("data path", ok=False, what="A page read back was another one.",
                     do="Look for a proxy that changes traffic.")  # fmt: skip
    return Check("data path", ok=True, what="A page was written to a new disk and read back.")
