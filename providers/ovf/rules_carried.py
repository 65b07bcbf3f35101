"""What the envelope has no place for: it is written in a section of our own, and comes back.

The section is marked ``ovf:required="false"``: whoever does not know it goes on without it.
"""

from typing import Any

from coldferry.carried import covered
from coldferry.dialect import Decide
from coldferry.machine import UNKNOWN, Nic
from coldferry.rules import Outcome, Question, Rule
from coldferry.verdicts import dropped, equivalent, exact, lost
from providers.ovf.words import OVF

KEPT = ("exact", "equivalent")


def kept(what: str) -> Decide:
    """Written in our own section; ``what`` has to be seen to by whoever deploys."""

    def decide(question: Question[Any]) -> Outcome:
        if question.value == UNKNOWN:
            return exact("The source could not tell, and the package says so.", UNKNOWN)
        return _kept(question, what)

    return decide


def _kept(question: Question[Any], what: str) -> Outcome:
    return equivalent(
        "The envelope has no place for it: it is written in Coldferry's own section.",
        question.value,
        f"Coldferry reads it back; other importers do not know it. {what}",
    )


def _row(name: str, what: str, says: str, may: tuple[str, ...] = KEPT) -> Rule[Any]:
    return OVF.rule(name, kept(what), about="section", may=may, says=says)


def _nowhere(reason: str) -> Decide:
    return lambda _question: dropped(reason, "Whoever deploys it decides.")


def _group(question: Question[Any]) -> Outcome:
    nic: Nic = question.item("nics")
    group = nic.security_groups[question.leaf.index[1]]
    return lost(
        "A package has no security groups.",
        f"'{group.name}' is not carried; its rules ({len(group.rules)}) are listed in the report "
        "for whoever deploys the package.",
    )


_RESOLVERS = "Set it in the guest, or in the network where it is deployed."
_ADDRESS = "It counts only where the network that it is deployed to has it."
_LABELS = "Label the deployed machine again if something goes by them."

_TAG: Rule[Any] = OVF.rule(
    "tag", lambda question: _kept(question, _LABELS), about="section", may=("equivalent",),
    says="Tags are written in our own section.",
)  # fmt: skip

RULES: dict[str, Rule[Any]] = {
    "dns.servers": _row(
        "dns.servers", _RESOLVERS, "Resolvers are written in our own section."
    ),
    "dns.search_domains": _row(
        "dns.search", _RESOLVERS, "Search domains are written in our own section."
    ),
    "dns.time_servers": _row(
        "dns.time", _RESOLVERS, "Time servers are written in our own section."
    ),
    "nics[].subnet_cidr": _row(
        "nic.range", _ADDRESS, "The source's range is written in our own section."
    ),
    "nics[].private_address": _row(
        "nic.address", _ADDRESS, "The private address is written in our own section.", KEPT
    ),
    "nics[].more_private_addresses": _row(
        "nic.more-addresses", _ADDRESS, "Further private addresses are written there, too.", KEPT
    ),
    "nics[].address_assignment": _row(
        "nic.assignment", _ADDRESS, "How the address was given is written in our own section."
    ),
    "nics[].forwards_packets": _row(
        "nic.forwarding", "Allow it where the package is deployed, if it is a router.",
        "Whether it forwards packets of others is written in our own section.",
    ),
    "nics[].security_groups[].id": OVF.rule(
        "nic.group", _group, about="security groups", may=("dropped, acknowledge",),
        says="A package has no security groups: the source's are listed and must be "
        "acknowledged.",
    ),
    "nics[].security_groups[].name": OVF.rule(
        "nic.group-name", covered("the group"), about="security groups", may=("dropped",),
        says="Listed with the security group that it belongs to.",
    ),
    "nics[].security_groups[].rules": OVF.rule(
        "nic.group-rules", covered("the group"), about="security groups",
        may=("exact", "dropped"), says="Listed with the security group that it belongs to.",
    ),
    "disks[].medium": _row(
        "disk.medium", "Choose storage like it where it is deployed.",
        "What a disk was made of is written in our own section.",
    ),
    "disks[].iops": _row(
        "disk.iops", "Choose storage that does as much where it is deployed.",
        "What a disk could do is written in our own section.", KEPT,
    ),
    "disks[].throughput_bytes_s": _row(
        "disk.throughput", "Choose storage that does as much where it is deployed.",
        "What a disk could do is written in our own section.", KEPT,
    ),
    "disks[].deleted_with_machine": _row(
        "disk.kept", "Whoever deploys it decides.",
        "Whether the disk goes with its machine is written in our own section.",
    ),
    "tags[].key": _TAG,
    "tags[].value": _TAG,
    "key_names": _row(
        "keys", "Public keys are on the disk already.",
        "Names of keys are written in our own section.", KEPT,
    ),
    "zone": OVF.rule(
        "zone", _nowhere("A package stands in no zone."), about="section", may=("dropped",),
        says="A package stands in no zone.",
    ),
    "tenancy": OVF.rule(
        "tenancy", _nowhere("A package says nothing of the hosts that it will run on."),
        about="section", may=("dropped",),
        says="A package says nothing of the hosts that it will run on.",
    ),
}  # fmt: skip
