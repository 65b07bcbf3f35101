"""The translation book on the command line: what is in it, out to a file, in from one, and away."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from coldferry.book import Book, BookRule
from coldferry.plain import counted, plain
from coldferry.precedents import shown
from console import blocks, book_file
from console.managing import Json
from console.output import Outcome, aside, command
from console.prefect_server import use_server

SLUG = "coldferry-book-rule"

app = typer.Typer(
    help="Answers that were approved before, kept for the next machine.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML")]


def saved_book() -> Book:
    """All rules of the translation book as of now, read without importing Prefect."""
    return Book(_readable(blocks.documents(SLUG)))


def keep(rules: Sequence[BookRule]) -> None:
    """Add rules to the book."""
    use_server()
    from tasks.book import keep as keep_rules  # imports Prefect, which must find its server

    asyncio.run(keep_rules(rules))


@app.command("list", short_help="Say every rule and who approved it.")
@command
def list_rules(json: Json = False) -> Outcome:
    """Say every rule: what it answers, for which machines, and who approved it first."""
    book = saved_book()
    rules = [
        {"id": rule.id, **rule.model_dump(mode="json"), "replaced": book.replaced(rule)}
        for rule in book.rules
    ]
    return Outcome({"rules": rules}, lambda out: _show(out, book))


@app.command("export")
@command
def export_rules(file: File, json: Json = False) -> Outcome:
    """Write all rules to a file that 'import' reads."""
    rules = saved_book().rules
    book_file.write(file, rules)
    document = {"file": str(file), "rules": len(rules)}
    return Outcome(
        document, lambda out: out.print(f"Written to {file}: {counted(len(rules), 'rule')}.")
    )


@app.command("import", short_help="Add the rules in a file: all or none.")
@command
def import_rules(file: File, json: Json = False) -> Outcome:
    """Add the rules in a file; all that is wrong with it is named at once, and then none is added.

    The target checks a rule's value whenever it is used.
    """
    book = saved_book()
    read, known = book_file.read(file, book), {rule.id for rule in book.rules}
    new = [rule for rule in read if rule.id not in known]
    keep(new)
    document = {"kept": [rule.id for rule in new], "known": len(read) - len(new)}
    words = f"{counted(len(new), 'rule')} added; there already: {document['known']}."
    return Outcome(document, lambda out: out.print(words))


@app.command("forget", short_help="Remove a rule: its question is asked again.")
@command
def forget_rule(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its id, or how that begins")],
    json: Json = False,
) -> Outcome:
    """Remove a rule, and those that it took the place of: its question is then asked again."""
    found = saved_book().named(rule)
    use_server()
    from tasks.book import forget

    asyncio.run(forget(found))
    document = {"forgotten": [one.id for one in found]}
    return Outcome(
        document, lambda out: out.print(f"Forgotten: {', '.join(document['forgotten'])}")
    )


def _readable(documents: Iterable[tuple[str, Any]]) -> Iterable[BookRule]:
    for name, data in documents:
        try:
            yield BookRule.model_validate(data.get("rule"))
        except ValidationError:
            aside.print(f"The document {plain(name)} is no rule of this release; left out.")


def _show(out: Console, book: Book) -> None:
    table = Table("rule", "field", "answer", "when", "source", "target", "approved")
    for rule in book.rules:
        when = "; ".join(f"{pattern} is {_word(said)}" for pattern, said in rule.when.items())
        table.add_row(
            rule.id,
            rule.pattern,
            shown(rule) + (" (replaced)" if book.replaced(rule) else ""),
            plain(when, 200) or "always",
            plain(rule.source),
            plain(rule.target),
            f"{plain(rule.by, 60)} at {rule.at}",
        )
    if book.rules:
        out.print(table)
    else:
        out.print("The book is empty: approved answers of migrations go into it.")


def _word(said: Any) -> str:
    return ", ".join(said) if isinstance(said, tuple) else str(said) or "not there"
