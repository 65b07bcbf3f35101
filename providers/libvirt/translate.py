"""The table: one rule for every leaf of a description."""

from collections.abc import Mapping

from coldferry.carried import carried
from coldferry.left_behind import left_behind
from coldferry.machine import Machine
from coldferry.rules import Rule, apply
from coldferry.translation import Answers, Translation
from providers.libvirt import rules_labels, rules_machine, rules_network, rules_storage
from providers.libvirt.catalogue import Catalogue
from providers.libvirt.dialect import LIBVIRT, WAYS

RULES: Mapping[str, Rule[Catalogue]] = {
    **carried(LIBVIRT),
    **left_behind(LIBVIRT, WAYS),
    **rules_machine.RULES,
    **rules_network.RULES,
    **rules_storage.RULES,
    **rules_labels.RULES,
}


def translate(machine: Machine, catalogue: Catalogue, answers: Answers) -> Translation:
    """Pure. Raises BadAnswer naming all answers that do not fit."""
    return apply(RULES, machine, catalogue, answers)
