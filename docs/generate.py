"""Write what follows from the code: the JSON schemas, the rules' page, the README's help text.

Run as ``python -m docs.generate``, or ``make docs``.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from coldferry.machine import Machine
from coldferry.waves.schema import schema as wave_schema
from docs import translation_page

FOLDER = Path(__file__).parent
SCHEMA = FOLDER / "machine.schema.json"
WAVE_SCHEMA = FOLDER / "wave.schema.json"
TRANSLATION = FOLDER / "translation.md"
README = FOLDER.parent / "README.md"

COMMANDS = (
    "sandbox up", "sandbox down", "describe", "start", "stop", "reboot", "plan", "gaps",
    "compare", "prepare", "rehearse", "migrate", "copy", "cutover", "rollback", "finalise",
    "status", "report", "list", "resume", "abort", "audit", "reconcile", "notify", "limit", "probe",
    "book list", "book export", "book import", "book forget", "wave check", "wave plan",
    "wave run", "wave report", "wave cutover", "wave rollback", "doctor", "up", "demo",
)  # fmt: skip

_HELP = re.compile(r"(?<=<!-- help -->\n).*?(?=<!-- /help -->)", re.DOTALL)


def schema_text() -> str:
    """The JSON schema of a machine's description, as it is committed."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Machine.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def wave_schema_text() -> str:
    """The JSON schema of a wave in YAML, as it is committed."""
    return json.dumps(wave_schema(), indent=2, ensure_ascii=False) + "\n"


def help_text() -> str:
    """What ``--help`` says: the overview, and one line for each command with its options."""
    overview = _overview()
    usages = "\n".join(_usage(command) for command in COMMANDS)
    return f"```text\n$ coldferry --help\n{overview}\n```\n\n```text\n{usages}\n```\n"


def with_help(readme: str) -> str:
    """The README with the help text as it is now."""
    return _HELP.sub(lambda _: help_text(), readme)


def _overview() -> str:
    """As a person sees it who gives the command."""
    start = "import sys; sys.argv[0] = 'coldferry'; from console.main import main; main()"
    said = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-c", start, "--help"],
        cwd=README.parent,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.rstrip()


def _help(command: str) -> str:
    """A command's own help, asked for in this process: starting fourteen would take ten seconds."""
    from typer.testing import CliRunner

    from console.commands import app

    words = [*command.split(), "--help"]
    said = CliRunner().invoke(app, words, prog_name="coldferry", env={"COLUMNS": "80"})
    return said.stdout.rstrip()


def _usage(command: str) -> str:
    """``coldferry stop BLOCK VM [--json] …``, from what the command's own help lists."""
    said = _help(command)
    words = re.sub(r"[{}]|\[OPTIONS\] ?", "", said.splitlines()[0].removeprefix("Usage: ")).strip()
    found = r"^  (--[a-z-]+)(?: / (--[a-z-]+))?(?: ([A-Z]+))?  (.*(?:\n {4,}.*)*)$"
    options = []
    for name, opposite, value, about in re.findall(found, said, re.MULTILINE):
        # Of the two words of a switch, the one that changes something.
        word = opposite if re.search(rf"\[default:\s+{name[2:]}\]", about) else name
        if word != "--help":
            option = " ".join(filter(None, (word, value)))
            options.append(option if "[required]" in about else f"[{option}]")
    return " ".join([words.replace("[[", "[").replace("]]", "]").removesuffix("..."), *options])


def main() -> None:
    """Write all four."""
    SCHEMA.write_text(schema_text())
    WAVE_SCHEMA.write_text(wave_schema_text())
    TRANSLATION.write_text(translation_page.page())
    README.write_text(with_help(README.read_text()))


if __name__ == "__main__":
    main()
