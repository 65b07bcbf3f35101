"""The README's first command: one machine, both local clouds, said step by step."""

from rich.console import Console

from coldferry.plain import plain
from coldferry.translation import Verdict, open_fields
from console.migrating import run_migration, show_report
from console.planning import make_plan
from console.sandboxing import demo_answers, start_sandbox
from sandbox.state import route


def demonstrate() -> None:
    """Plan, answer and migrate the seeded machine; raises whatever goes wrong."""
    out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    out.print("1. Two clouds start on this machine: both on loopback.")
    state, _ = start_sandbox()
    source, vm, target = route(state)
    out.print(f"2. What would moving {vm} mean? Nothing is touched by asking.")
    made, _ = make_plan(source, vm, target, {}, use_book=False)
    for verdict in Verdict:
        count = sum(field.verdict is verdict for field in made.translation.fields)
        out.print(f"   {count:3} fields are {verdict}")
    out.print(f"{len(made.translation.missing)} of them need a person:")
    for field in open_fields(made.translation):
        out.print(f"   {field.path}: {plain(field.difference or field.reason)}")
    out.print(f"3. The answers are in {demo_answers()}:")
    out.print(demo_answers().read_text().rstrip())
    out.print("4. The migration: halt, describe again, freeze, copy, read back, allocate.")
    report = run_migration(source, vm, target, demo_answers(), use_book=False)
    show_report(out, report, lasting=False)
    out.print("The clouds of this demonstration end here; 'coldferry sandbox up' keeps them.")
