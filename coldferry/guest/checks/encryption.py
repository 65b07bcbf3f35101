"""Volumes that nobody but the guest's owner can open."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest


def encrypted_volume(guest: Guest) -> Iterator[Finding]:
    """It is copied as it is; opening it at the target is a person's or a key server's part."""
    for place in guest.places:
        if place.identity.kind == "luks":
            yield Finding(
                "warn",
                "encrypted-volume",
                place.name,
                f"{place.name} is encrypted (LUKS): a person or key server is needed at boot, and "
                "what is in it was not looked at.",
                "Have the passphrase at hand, or see that the key server is reached from the "
                "target's network; a key that is sealed in a TPM stays behind with it.",
            )


def bitlocker(guest: Guest) -> Iterator[Finding]:
    """It is copied as it is; what unlocks it does not move with it."""
    for place in guest.places:
        if place.identity.kind == "bitlocker":
            yield Finding(
                "warn",
                "bitlocker",
                place.name,
                f"{place.name} is encrypted (BitLocker): a person or key server is needed at boot, "
                "and what is in it was not looked at. A key sealed in a TPM stays behind.",
                "Have the recovery password at hand, or suspend or switch off BitLocker before "
                "the migration.",
            )
