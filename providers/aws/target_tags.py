"""What our tags say at the target, and tokens by which a repeated call makes nothing twice.

Pages: "Ensuring idempotency in Amazon EC2 API requests" and "Ensure idempotency in
StartSnapshot API requests": the same token gives the same object, also one that is gone by
now; up to 64 ASCII characters.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from coldferry.migration import MIGRATION_TAG, TAG_PREFIX
from coldferry.offered import ORIGIN_TAG, origin_mark
from coldferry.plan import Plan
from providers.aws.instances import tags_of

DEVICE_TAG = f"{TAG_PREFIX}device"
"""On each snapshot and volume that is made: which disk of the machine it is."""

FROM_TAG = f"{TAG_PREFIX}frozen"
"""On each snapshot that is written, and on nothing else: the frozen disk that it is a copy of.

A backup that somebody makes of a volume with all its tags bears none, and is never removed.
"""

KEPT_TAG = f"{TAG_PREFIX}kept"
"""On each lasting copy: when the VM had last been started, so that a later start shows."""

PROVEN_TAG = f"{TAG_PREFIX}proven"
"""On the new VM when it was last started, on its volumes when they were attached (ISO 8601)."""

FRAME = "frame"
"""The device's word on the empty disk that a VM is made with."""

COPIED = "copied disk"
IMAGE = "image"
VM, VOLUME, INTERFACE, GROUP = "VM", "disk", "network interface", "security group"

_SHOWN_WITHIN_S = 120.0
"""EC2 and EBS show what they made within two minutes ("Error retries", "Eventual consistency")."""

_TURNS = 100


def our_tags(plan: Plan) -> dict[str, str]:
    """What marks a thing as this migration's, and whose machine it is for."""
    return {MIGRATION_TAG: plan.migration, ORIGIN_TAG: origin_mark(plan.machine)}


def disk_tags(plan: Plan, device: str) -> dict[str, str]:
    """On what is a disk of it."""
    return {MIGRATION_TAG: plan.migration, DEVICE_TAG: device, "Name": plan.object_name(device)}


def tokens(*words: str) -> Iterator[str]:
    """Client tokens that follow from the words; the next is for when what the last gave is gone."""
    for turn in range(_TURNS):
        yield hashlib.sha256("\0".join((*words, str(turn))).encode()).hexdigest()


def long_gone(made_at: datetime, answer: Any) -> bool:
    """Whether an answer to a token is of a thing made so long ago that it would be shown by now.

    Both moments are AWS's own: the answer's ``Date`` is compared, never this machine's clock.
    """
    said = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
    try:
        now = parsedate_to_datetime(said)
    except ValueError:
        return False
    return (now - made_at).total_seconds() > _SHOWN_WITHIN_S


def tag_of(row: Any, key: str) -> str | None:
    """A tag's value; interfaces spell their tags another way."""
    return tags_of(row.get("Tags") or row.get("TagSet") or []).get(key)


def moment(found: datetime | None) -> str:
    """As our tags have it; "" for none."""
    return found.astimezone(UTC).isoformat() if found else ""
