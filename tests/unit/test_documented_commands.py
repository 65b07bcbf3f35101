"""Every command that a page shows is one that there is, as it stands there, and a test gives it.

The list of who gives it is ``exercised.py``: a verb or an option that is written down
anywhere, and that no test gives, fails here.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.unit.command_lines import options_of, parses
from tests.unit.exercised import EXERCISED

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    {*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deployments").glob("*.md")}
    - {ROOT / "CHANGELOG.md"}  # what was, may be no more
)
_HELP = re.compile(r"<!-- help -->.*?<!-- /help -->", re.DOTALL)  # generated, and a synopsis
_LINE = re.compile(r"^(?: {4,}|\$ )?(?:[A-Z_]+=\S+ )*(coldferry [a-z@].*)$", re.MULTILINE)
_INLINE = re.compile(r"`(coldferry [a-z][^`]*)`")
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^ {4,}.*\n)+", re.MULTILINE)


def shown(page: Path) -> list[str]:
    """The command lines of a page's blocks, complete ones."""
    text = _HELP.sub("", page.read_text())
    fences = _FENCE.findall(text)
    blocks = [*fences, *_INDENTED.findall(_FENCE.sub("", text))]
    lines = [line for block in blocks for line in _LINE.findall(block)]
    return [line.strip() for line in lines if "[" not in line]


def named(page: Path) -> list[str]:
    """Those that a sentence names, with what they are given left out where it pleases."""
    text = _FENCE.sub("", _HELP.sub("", page.read_text()))
    return [" ".join(line.split()) for line in _INLINE.findall(text) if "[" not in line]


def every(what) -> list[tuple[str, str]]:
    return [(page.name, line) for page in PAGES for line in what(page)]


def filled(line: str) -> str:
    """With something for each blank that a person fills in."""
    return line.replace("VM…", "i-1").replace("…", "").replace("NAME ", "name ")


def test_pages_do_show_commands():
    assert len(every(shown)) > 40
    assert len(every(named)) > 40


@pytest.mark.parametrize(("page", "line"), every(shown))
def test_a_command_that_a_page_shows_is_taken_by_the_parser_as_it_stands(page, line):
    assert parses(filled(line)), f"{page}: {line}"


@pytest.mark.parametrize(("page", "line"), every(named))
def test_a_command_that_a_sentence_names_has_a_verb_and_options_that_there_are(page, line):
    found = options_of(filled(line))
    for verb, option in found:
        assert option == "" or parses_option(verb, option), f"{page}: {line}"


def parses_option(verb: str, option: str) -> bool:
    from tests.unit.command_lines import command_of

    _, command, _ = command_of(verb.split())
    known = {word for one in command.params for word in (*one.opts, *one.secondary_opts)}
    return option in known


def documented() -> set[tuple[str, str]]:
    """Every verb and every option with its verb that a page shows or names."""
    lines = [filled(line) for _, line in [*every(shown), *every(named)]]
    return {pair for line in lines for pair in options_of(line) if pair[1] != "--json"}


def test_every_verb_and_option_that_is_written_down_is_given_by_a_test():
    assert documented() - EXERCISED.keys() == set()
    assert EXERCISED.keys() - documented() == set()


@pytest.mark.parametrize(("verb", "option"), sorted(EXERCISED))
def test_the_test_that_is_named_for_it_gives_it(verb, option):
    file, _, name = EXERCISED[verb, option].partition("::")
    path = ROOT / "tests" / file
    tree = ast.parse(path.read_text())
    functions = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    words = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant)}
    said = {word for one in words if isinstance(one, str) for word in (one, *one.split())}

    assert name in functions
    assert set(verb.split()) <= said
    assert option in said or not option
