"""What the network hands to the guest: resolvers, search domains, time servers.

Page: "Name resolution for resources in Azure virtual networks": resolvers per
interface or network; no search domains, no time servers through DHCP.
"""

from typing import Any

from coldferry.machine import UNKNOWN
from coldferry.resolvers import resolver_addresses
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.verdicts import dropped, equivalent, exact, lost, missing
from providers.azure.catalogue import Catalogue, Q
from providers.azure.words import AZURE

AZURE_DNS = "AzureProvidedDNS"

_ADDRESS = r"[0-9A-Fa-f:]*[.:][0-9A-Fa-f:.]*"
"""As much of an address as a form can check; ``ip_address`` has the last word."""


def _servers(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return missing(
            "The source could not tell which resolvers the guest is given.",
            [(AZURE_DNS, "Azure's own resolver, or the virtual network's setting")],
            pattern=f"^({AZURE_DNS}|{_ADDRESS}([ ,]+{_ADDRESS})*)$",
            example="10.0.0.53, 10.0.0.54",
        )
    kept = resolver_addresses(question.value)
    if len(kept) == len(question.value):
        return exact("Set on every interface; they must be reachable from Azure.", kept)
    if not kept:
        return equivalent(
            "The source's provider answered names; Azure does so here.", [AZURE_DNS],
            f"{', '.join(question.value)} becomes Azure-provided DNS: private zones of the "
            "source are not known there.",
        )  # fmt: skip
    return equivalent(
        "Set on every interface; they must be reachable from Azure.", kept,
        f"{', '.join(question.value)} becomes {', '.join(kept)}: the rest exists at the source "
        "only.",
    )  # fmt: skip


def _accept_servers(_question: Q, said: Any) -> Outcome:
    listed = isinstance(said, list | tuple)
    words = [str(s) for s in said] if listed else str(said).replace(",", " ").split()
    if words == [AZURE_DNS]:
        return equivalent("Chosen by a person.", words, "Azure-provided DNS.")
    kept = resolver_addresses(words)
    if not words or kept != words:
        raise Unfit(f"give the resolvers' IP addresses, or '{AZURE_DNS}'")
    return equivalent("Chosen by a person.", kept, f"Resolvers become {', '.join(kept)}.")


def _search(question: Q) -> Outcome:
    reason = "Azure hands out no search domains."
    if question.value == UNKNOWN:
        return dropped(reason, "The guest gets Azure's own suffix only.")
    return lost(
        reason, f"Set {', '.join(question.value)} inside the guest, if short names are used."
    )


def _time(_question: Q) -> Outcome:
    return dropped(
        "Azure hands out no time servers.",
        "Time is the guest's own setting; on Azure the host's clock is at /dev/ptp_hyperv.",
    )


RULES: dict[str, Rule[Catalogue]] = {
    "dns.servers": AZURE.rule(
        "dns.servers", _servers, _accept_servers, about="resolvers",
        may=("exact", "equivalent", "missing"),
        says="Resolvers are set on every interface; the source cloud's own becomes Azure's; asked "
        "for where the source could not tell.",
    ),
    "dns.search_domains": AZURE.rule(
        "dns.search", _search, about="resolvers",
        may=("exact", "dropped", "dropped, acknowledge"),
        says="Azure hands out no search domains; their loss must be acknowledged.",
    ),
    "dns.time_servers": AZURE.rule(
        "dns.time", _time, about="time", may=("exact", "dropped"),
        says="Azure hands out no time servers: time is the guest's own setting.",
    ),
}  # fmt: skip
