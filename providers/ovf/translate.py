"""The table: one rule for every leaf of a description."""

from collections.abc import Mapping

from coldferry.carried import carried
from coldferry.left_behind import left_behind
from coldferry.machine import Machine
from coldferry.rules import Rule, apply
from coldferry.translation import Answers, Translation
from providers.ovf import rules_carried, rules_devices, rules_machine
from providers.ovf.catalogue import Catalogue
from providers.ovf.words import OVF, WAYS

RULES: Mapping[str, Rule[Catalogue]] = {
    **carried(OVF),
    **left_behind(OVF, WAYS),
    **rules_carried.RULES,
    **rules_machine.RULES,
    **rules_devices.RULES,
}


def translate(machine: Machine, catalogue: Catalogue, answers: Answers) -> Translation:
    """Pure. Raises BadAnswer naming all answers that do not fit."""
    return apply(RULES, machine, catalogue, answers)
