"""Rows of EC2's Describe calls, by filters: every page of them.

A filter that nothing fits gives an empty answer, where an id that is gone would be an error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coldferry.migration import MIGRATION_TAG
from providers.aws.client import speaking
from providers.aws.session import Clients

_KEYS = {
    "describe_images": "Images",
    "describe_instances": "Reservations",
    "describe_network_interfaces": "NetworkInterfaces",
    "describe_security_groups": "SecurityGroups",
    "describe_snapshots": "Snapshots",
    "describe_subnets": "Subnets",
    "describe_volumes": "Volumes",
}
_OWN = {
    "describe_images": {"Owners": ["self"]},
    "describe_snapshots": {"OwnerIds": ["self"]},
}
"""Others' images and snapshots are listed unless one asks for one's own."""

Filters = Mapping[str, str | Sequence[str]]


def rows(clients: Clients, call: str, subject: str, filters: Filters) -> list[Any]:
    """All rows that fit; instances without their reservations. Empty where a filter has no word."""
    asked = [
        {"Name": name, "Values": [words] if isinstance(words, str) else sorted(words)}
        for name, words in filters.items()
    ]
    if any(not one["Values"] for one in asked):
        return []
    action = "".join(word.capitalize() for word in call.split("_"))
    pager: Any = clients.ec2.get_paginator(call)  # type: ignore[call-overload]
    with speaking(f"ec2:{action}", subject):
        pages = list(pager.paginate(Filters=asked, **_OWN.get(call, {})))
    found = [row for page in pages for row in page[_KEYS[call]]]
    if call != "describe_instances":
        return found
    return [one for row in found for one in row.get("Instances", [])]


def made_by(migration: str | None) -> dict[str, str | Sequence[str]]:
    """The filter for what bears that migration's tag, or any migration's."""
    if migration is None:
        return {"tag-key": MIGRATION_TAG}
    return {f"tag:{MIGRATION_TAG}": migration}


def tag_rows(tags: Mapping[str, str]) -> list[Any]:
    """A mapping as EC2 takes tags."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tagging(kind: str, tags: Mapping[str, str]) -> list[Any]:
    """Tags for the call that makes a thing of that kind."""
    return [{"ResourceType": kind, "Tags": tag_rows(tags)}]
