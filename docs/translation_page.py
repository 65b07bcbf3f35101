"""The page that says what becomes of every field: made from each target's table of rules."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from coldferry.leaves import schema_patterns
from coldferry.rules import Rule
from providers.aws.cloud import AwsCloud
from providers.aws.translate import RULES as TO_AWS
from providers.azure.cloud import AzureCloud
from providers.azure.translate import RULES as TO_AZURE
from providers.libvirt.cloud import LibvirtCloud
from providers.libvirt.translate import RULES as TO_LIBVIRT
from providers.ovf.cloud import OvfCloud
from providers.ovf.translate import RULES as TO_OVF

Table = Mapping[str, Rule[Any]]

TARGETS: dict[str, Table] = {"Azure": TO_AZURE, "AWS": TO_AWS, "libvirt": TO_LIBVIRT, "OVF": TO_OVF}
"""Every target that a block can name, by the name that readers know it by."""

CLOUDS: dict[str, type] = {
    "Azure": AzureCloud,
    "AWS": AwsCloud,
    "libvirt": LibvirtCloud,
    "OVF": OvfCloud,
}
"""Whether machines can be brought there yet is asked of these."""

SEED = {
    "number of virtual CPUs": ("vcpus", "instance_type"),
    "memory": ("memory_bytes",),
    "hostname and IP address": ("hostname", "nics[].private_address"),
    "DNS resolver": ("dns.servers", "dns.search_domains"),
    "network interfaces": ("nics[].device_index", "nics[].security_groups[].id"),
    "subnet masks and ids": ("nics[].subnet_id", "nics[].subnet_cidr"),
    "MAC addresses": ("nics[].mac",),
    "block devices": ("disks[].size_bytes", "disks[].kind", "disks[].device"),
    "attached storage": ("network_filesystems[].id", "ephemeral_disks[].device"),
}
"""What use case 4.5 has a provider's configuration file say, and the fields that say it here."""

_VERDICTS = {
    "exact": "Carried as it is.",
    "equivalent": "Carried as something that serves the same end; the difference is said.",
    "missing": "The target has no rule that is sure: a person says, from what is offered.",
    "impossible": "No machine of this target can have it; it is said what happens instead.",
    "dropped": "It could matter, and it is not carried.",
}

_HEAD = """# Translation

What each target makes of every field of a machine's description. This page is made from the
rules themselves (`make docs`); `coldferry plan` shows them at work on one machine.

Every field gets exactly one verdict:

{verdicts}

A verdict may ask something of a person. *Acknowledge*: say that it is understood; whoever chooses
another value has said so, too. *Block*: no answer can mend it; the machine, or what the target
offers, has to be changed. Without either word the verdict only informs.

A field that *follows* others may get another verdict once those are answered: the address once a
subnet is chosen, IOPS once a kind of disk is. Nothing else changes with an answer. What follows
can ask a question of its own, which then is asked next.

A rule is a pure function of the description, of what the target offers at that moment, and of the
answers. It never guesses: what it is not sure of is missing. A page is the vendor's, and the rule
rests on it.

| target | plan | migrate |
|---|---|---|
{targets}

## In short

What use case 4.5 names, and what becomes of it. [Sizes and disk kinds](sizes.md) has more on how
those are chosen.

{short}
"""

_TARGET = """## To {name}

| field | rule | what it says | verdicts | follows | page |
|---|---|---|---|---|---|
{rows}
"""


def page() -> str:
    """The whole page, as it is committed."""
    verdicts = "\n".join(f"* **{word}**: {text}" for word, text in _VERDICTS.items())
    targets = "\n".join(
        f"| [{name}](#to-{name.lower()}) | yes | {'yes' if brings else 'not yet'} |"
        for name, brings in ((name, hasattr(CLOUDS[name], "allocate")) for name in TARGETS)
    )
    head = _HEAD.format(verdicts=verdicts, targets=targets, short="\n".join(_short()))
    tables = [
        _TARGET.format(name=name, rows="\n".join(_rows(table))) for name, table in TARGETS.items()
    ]
    return "\n".join([head, *tables])


def _short() -> Iterator[str]:
    yield f"| | {' | '.join(f'to {name}' for name in TARGETS)} |"
    yield "|---|" + "---|" * len(TARGETS)
    for field, patterns in SEED.items():
        cells = (" ".join(_sentences(table, patterns)) for table in TARGETS.values())
        yield f"| **{field}** | {' | '.join(cells)} |"


def _sentences(table: Table, patterns: Iterable[str]) -> list[str]:
    """What the rules say; a sentence that serves two fields stands once."""
    return list(dict.fromkeys(_cell(table[pattern].says) for pattern in patterns))


def _rows(table: Table) -> Iterator[str]:
    for pattern in schema_patterns():
        rule = table[pattern]
        cells = [
            f"`{pattern}`",
            f"`{rule.id}`",
            _cell(rule.says),
            "; ".join(rule.may),
            ", ".join(f"`{followed}`" for followed in rule.follows),
            _cell(rule.source),
        ]
        yield f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
