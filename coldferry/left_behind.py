"""What no cloud takes over from another: listed, and acknowledged where its loss may matter."""

from collections.abc import Mapping
from typing import Any

from coldferry.carried import covered, nothing
from coldferry.dialect import Decide, Dialect
from coldferry.machine import UNKNOWN, Nic
from coldferry.placement import OF_SHARES
from coldferry.placement_rules import PLACED_SHARE, placed_share, share
from coldferry.rules import Outcome, Question, Rule
from coldferry.verdicts import beside, dropped, equivalent, exact, impossible, lost, outside

Q = Question[Any]

_FREE = ("linux/unix", "linux", "unix")
"""Platforms for which nothing is paid by the hour."""


def _secure_boot(reason: str, because: str) -> Decide:
    def decide(question: Q) -> Outcome:
        if question.value is True:
            return lost(reason, f"Created without Secure Boot: {because}", target=False)
        if question.value == UNKNOWN and question.machine.firmware != "bios":
            return lost(
                "The source could not tell whether it boots with Secure Boot.",
                "Created without Secure Boot.",
                target=False,
            )
        if question.value == UNKNOWN:
            return exact("A BIOS machine has no Secure Boot.", target=False)
        return exact("Created without Secure Boot.", target=False)

    return decide


def _tpm(device: str) -> Decide:
    def decide(question: Q) -> Outcome:
        if question.value == UNKNOWN:
            return equivalent("The source could not tell.", None, f"Created without a {device}.")
        return lost(
            "What a TPM holds never leaves the source.",
            f"Created without a {device}. Keys sealed to the old one (BitLocker, LUKS, Credential "
            "Guard) are lost: have the recovery keys ready, or suspend the protection before the "
            "halt.",
        )

    return decide


def tenancy(carried: tuple[str, ...]) -> Decide:
    """``carried`` are the words that this target knows by the same name."""

    def decide(question: Q) -> Outcome:
        if question.value == UNKNOWN:
            return equivalent("The source could not tell.", "default", "Created on shared hosts.")
        if question.value in carried:
            return exact(
                "Shared hardware or hardware of its own, as at the source.", question.value
            )
        return lost(
            "Dedicated hosts are not made by a migration.",
            f"'{question.value}' is lost: created on shared hosts.",
            target="default",
        )

    return decide


def _licence(words: Dialect, how: str) -> Decide:
    def decide(question: Q) -> Outcome:
        platform = str(question.value)
        if platform == UNKNOWN:
            return dropped(
                "The source could not tell.", f"No licence is attached at {words.cloud}."
            )
        if platform.lower() in _FREE:
            return exact("Nothing is licensed by the hour.", platform)
        brings = "Windows" if "windows" in platform.lower() else platform
        return lost(
            "What the source's hourly price paid for ends with it.",
            f"Bring a licence for {brings} ({how}); the new {words.vm} has none attached.",
        )

    return decide


def _products(question: Q) -> Outcome:
    return lost(
        "Marketplace products are bought per cloud.",
        f"Buy these again or replace them: {', '.join(question.value)}.",
    )


def _profile(words: Dialect, how: str) -> Decide:
    def decide(question: Q) -> Outcome:
        return lost(
            f"Rights of the source are not given out again at {words.cloud}.",
            f"{question.value} is lost: give the new {words.vm} {how} if its programs call a "
            "cloud's API.",
        )

    return decide


def _user_data(_question: Q) -> Outcome:
    return lost(
        "Start-up data is not carried: running it again would provision the machine anew.",
        "Its effects are on the disk; keep the text itself if you need it.",
    )


def _group(question: Q) -> Outcome:
    nic: Nic = question.item("nics")
    group = nic.security_groups[question.leaf.index[1]]
    return lost(
        "Created behind a security group that lets nothing in or out.",
        f"'{group.name}' is not carried; its rules ({len(group.rules)}) are listed in the report "
        "for the group that the new machine gets at cutover.",
    )


def _more_addresses(question: Q) -> Outcome:
    return lost(
        "One address an interface is carried.",
        f"Not carried: {', '.join(question.value)}. Add them to the interface after the move.",
    )


def _public_address(question: Q) -> Outcome:
    return lost(
        "A public address stays with its owner at the source.",
        f"{question.value} is lost: give the new machine a public address at cutover and change "
        "DNS.",
    )


def _public_kind(_question: Q) -> Outcome:
    return dropped("Follows from public_address.")


def _mac(words: Dialect) -> Decide:
    return lambda _question: impossible(
        f"{words.cloud} assigns MAC addresses.",
        "The interface gets another one: licences or network settings bound to it must be "
        "changed in the guest.",
    )


def _ephemeral(question: Q) -> Outcome:
    return lost(
        "Its content ends with the halt, on every cloud.",
        f"{question.value} is not carried: put swap and scratch space elsewhere and mark its "
        "mount 'nofail'.",
    )


def _disk_key(instead: str) -> Decide:
    return lambda _question: lost(
        "A customer's key stays in the source's key store.",
        f"Encrypted with {instead} instead; see to it after the move if a key of your own is "
        "required.",
    )


def left_behind(words: Dialect, ways: Mapping[str, str]) -> dict[str, Rule[Any]]:
    """Rows for what is not carried.

    ``ways`` are the target's own words: ``secure boot`` (why there is none), ``secure boot
    reason``, ``tpm`` (the device's name), ``licence`` and ``profile`` (how to come by
    one), ``key`` (what disks are encrypted with).
    """
    rule = words.rule
    acked = ("exact", "dropped, acknowledge")
    share_detail = rule(
        "share.detail", covered("the file system"), about="file systems", may=("dropped",),
        says="Listed with the file system that it belongs to.",
    )  # fmt: skip
    group_detail: dict[str, Any] = {
        "about": "security groups", "may": ("exact", "dropped"),
        "says": "Listed with the security group that it belongs to.",
    }  # fmt: skip
    relation_detail: dict[str, Any] = {
        "may": ("dropped",), "says": "Listed with what it belongs to.",
    }  # fmt: skip
    return {
        "secure_boot": rule(
            "secure-boot", _secure_boot(ways["secure boot reason"], ways["secure boot"]),
            about="secure boot", may=acked,
            says="Created without Secure Boot; its loss must be acknowledged.",
        ),
        "tpm": rule(
            "tpm", _tpm(ways["tpm"]), about="secure boot",
            may=("exact", "equivalent", "dropped, acknowledge"),
            says="What a TPM holds never leaves the source; its loss must be acknowledged.",
        ),
        "licence.platform": rule(
            "licence", _licence(words, ways["licence"]), about="licence",
            may=("exact", "dropped", "dropped, acknowledge"),
            says="A licence that the source's hourly price paid for ends with it; that must be "
            "acknowledged.",
        ),
        "licence.product_codes": rule(
            "licence.products", _products, about="licence", may=acked,
            says="Marketplace products are bought per cloud; their loss must be acknowledged.",
        ),
        "profile": rule(
            "profile", _profile(words, ways["profile"]), about="profile", may=acked,
            says="Rights of the source are not given out again; their loss must be acknowledged.",
        ),
        "user_data": rule(
            "user-data.part", nothing, may=("exact",),
            says="A machine without start-up data has none at the target.",
        ),
        "user_data.sha256": rule(
            "user-data", _user_data, about="user data", may=("dropped, acknowledge",),
            says="Start-up data is not carried, because running it again would provision the "
            "machine anew; that must be acknowledged.",
        ),
        "user_data.size_bytes": rule(
            "user-data.size", covered("the start-up data"), about="user data", may=("dropped",),
            says="Listed with the start-up data.",
        ),
        "relations[].kind": rule("relation.kind", beside, **relation_detail),
        "relations[].id": rule(
            "relation", outside, may=("dropped",),
            says="What knows the machine from outside is listed and not moved.",
        ),
        "relations[].detail": rule("relation.detail", beside, **relation_detail),
        "nics[].mac": rule(
            "nic.mac", _mac(words), about="interfaces", may=("impossible",),
            says=f"{words.cloud} assigns MAC addresses; the source's cannot be kept.",
        ),
        "nics[].more_private_addresses": rule(
            "nic.more-addresses", _more_addresses, about="addresses", may=acked,
            says="One private address an interface is carried; the loss of others must be "
            "acknowledged.",
        ),
        "nics[].public_address": rule(
            "nic.public", _public_address, about="addresses", may=acked,
            says="A public address stays at the source; its loss must be acknowledged.",
        ),
        "nics[].public_address_kind": rule(
            "nic.public-kind", _public_kind, about="addresses", may=("exact", "dropped"),
            says="Follows from the public address.",
        ),
        "nics[].security_groups[].id": rule(
            "nic.group", _group, about="security groups", may=("dropped, acknowledge",),
            says="The new machine is behind a group that lets nothing in or out; the source's "
            "groups are listed and must be acknowledged.",
        ),
        "nics[].security_groups[].name": rule("nic.group-name", covered("the group"), **group_detail
        | {"may": ("dropped",)}),
        "nics[].security_groups[].rules": rule(
            "nic.group-rules", covered("the group"), **group_detail
        ),
        "disks[].key_id": rule(
            "disk.key", _disk_key(ways["key"]), about="encryption", may=acked,
            says=f"A customer's key stays in the source's key store: the disk is encrypted with "
            f"{ways['key']}; that must be acknowledged.",
        ),
        "ephemeral_disks[].device": rule(
            "ephemeral", _ephemeral, about="disks", may=("dropped, acknowledge",),
            says="What is on an ephemeral disk ends with the halt; that must be acknowledged.",
        ),
        "ephemeral_disks[].size_bytes": rule(
            "ephemeral.size", covered("the disk"), about="disks", may=("dropped",),
            says="Listed with the ephemeral disk.",
        ),
        "root_image": rule(
            "root-image.part", nothing, may=("exact",),
            says="A machine with a persistent root needs no image.",
        ),
        "network_filesystems[].id": rule(
            "share", share, placed_share, words=OF_SHARES, about="file systems", may=PLACED_SHARE,
            says="A file system of the network is no disk of the machine: its files are not "
            "copied; that must be acknowledged, or it is said whether the guest mounts it remotely "
            "(remote), starts without it (nofail) or forgets it (remove).",
        ),
        "network_filesystems[].kind": share_detail,
        "network_filesystems[].address": share_detail,
        "network_filesystems[].mounted": share_detail,
    }  # fmt: skip
