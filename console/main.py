"""``coldferry``: :mod:`console.commands` has the commands."""

import os
import sys


def main() -> None:
    """Run the command line; the exit code is the documented one, whatever happens."""
    os.umask(0o077)  # whatever is written may hold what is nobody else's business
    try:
        code = _copy(sys.argv[2:]) if sys.argv[1:2] == ["copy"] else _command()
    except KeyboardInterrupt:  # while it was still being loaded
        code = _cancelled()
    sys.exit(code)


def _cancelled() -> int:
    from coldferry.errors import Cancelled
    from console.output import fail

    begun = Cancelled("Cancelled before anything was begun.", "Give the same command again.")
    return fail(begun, as_json="--json" in sys.argv)


def _copy(words: list[str]) -> int:
    """A copy may be over before all the other commands are loaded."""
    from console.copying import asked, carry_out

    plain = asked(words)
    return _command() if plain is None else carry_out(plain)


def _command() -> int:
    import typer

    from coldferry.errors import BadInput
    from console.commands import app
    from console.output import fail

    try:
        code = app(standalone_mode=False)
    except typer.TyperException as usage:  # help that nobody asked for by name is one, too
        what, as_json = usage.format_message(), "--json" in sys.argv
        do = "" if "--help" in what else "See --help."
        if type(usage).__name__ == "NoArgsIsHelpError" and not as_json:
            print(what, file=sys.stderr)  # our own lines, where an error is one
            code = BadInput.exit_code
        else:
            code = fail(BadInput(what, do), as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        code = 6
    return code if isinstance(code, int) else 0
