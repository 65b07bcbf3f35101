"""Rules that hold for every resource: its name, its location, its tags.

Sources: "Naming rules and restrictions for Azure resources" and "Use tags to
organize your Azure resources" (limits, forbidden characters, case); the
reserved prefixes are named by "Tags - Create Or Update" of the Resource
Management REST reference. Azure documents no error code for them.
"""

import re
from typing import Any

from sandbox.azure.errors import ArmError

MAX_TAGS = 50
MAX_TAG_KEY = 512
MAX_TAG_VALUE = 256
FORBIDDEN_IN_TAG_KEY = set("<>%&\\?/")
RESERVED_TAG_PREFIXES = ("microsoft", "azure", "windows")
DISK_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?")
# Linux machines; a Windows machine's 15 characters bind osProfile.computerName only.
MACHINE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
NETWORK_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?")
VIRTUAL_NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9_]")
KNOWN_LOCATIONS = frozenset(
    {
        "westeurope",
        "northeurope",
        "germanywestcentral",
        "francecentral",
        "uksouth",
        "swedencentral",
        "switzerlandnorth",
        "eastus",
        "eastus2",
        "centralus",
        "westus2",
        "westus3",
        "southeastasia",
        "japaneast",
    }
)


def check_name(name: str, rule: re.Pattern[str]) -> None:
    """Refuse a name that breaks the rule of its resource type."""
    if rule.fullmatch(name) is None:
        raise ArmError(
            400,
            "InvalidResourceName",
            f"Resource name '{name}' is invalid. It must match {rule.pattern}.",
        )


def normal_location(location: str) -> str:
    """``West Europe`` and ``westeurope`` are the same place."""
    return location.replace(" ", "").lower()


def check_location(location: str, ours: str, existing: str | None) -> None:
    """Refuse unknown locations, a move of what exists, and places we do not offer."""
    wanted = normal_location(location)
    if wanted not in KNOWN_LOCATIONS | {normal_location(ours)}:
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for this resource type.",
        )
    if existing is not None and normal_location(existing) != wanted:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource already exists in location '{existing}'. A resource with the same "
            f"name cannot be created in location '{location}'.",
        )
    if normal_location(ours) != wanted:
        # One subscription in one region is all this double pretends.
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"This sandbox has only the location '{ours}', not '{location}'.",
        )


def check_tags(tags: Any) -> None:
    """Refuse tags beyond the documented limits."""
    if tags is None:
        return
    if len(tags) > MAX_TAGS:
        raise ArmError(
            400, "TooManyTags", f"A resource can have {MAX_TAGS} tags, {len(tags)} were given."
        )
    seen: set[str] = set()
    for key, value in tags.items():
        if not key or len(key) > MAX_TAG_KEY or FORBIDDEN_IN_TAG_KEY & set(key):
            raise ArmError(400, "InvalidTagNameCharacters", f"The tag name '{key}' is invalid.")
        if key.lower().startswith(RESERVED_TAG_PREFIXES):
            raise ArmError(
                400,
                "InvalidTagName",
                f"The tag name '{key}' begins with a prefix that is reserved for Azure's use: "
                f"{', '.join(RESERVED_TAG_PREFIXES)}.",
            )
        if not isinstance(value, str) or len(value) > MAX_TAG_VALUE:
            raise ArmError(400, "InvalidTagValue", f"The value of the tag '{key}' is too long.")
        if key.lower() in seen:
            raise ArmError(
                400, "InvalidTag", f"The tag name '{key}' is given twice: case does not count."
            )
        seen.add(key.lower())
