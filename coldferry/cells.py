"""Cells of a spreadsheet that no program runs.

A cell that begins with ``=``, ``+``, ``-``, ``@`` or a control character can
be run as a formula ("CSV Injection", OWASP); names and tags come from
strangers. Such a cell gets an apostrophe in front when it is written, and
loses it again when it is read.
"""

import re

# Full-width forms count too: some programs take them for the plain ones.
_RISKY = re.compile("'*\\s*[=+\\-@＝＋－＠\\t\\r\\n]")  # noqa: RUF001
_RISKY_READ = re.compile("'+\\s*[=+\\-@＝＋－＠\\t\\r\\n]")  # noqa: RUF001
_FORMULA = re.compile("\\s*[=+\\-@＝＋－＠]")  # noqa: RUF001


def harmless(cell: str) -> str:
    """``cell`` as no program runs it; :func:`original` gives it back."""
    return f"'{cell}" if _RISKY.match(cell) else cell


def original(cell: str) -> str:
    """What :func:`harmless` was given."""
    return cell[1:] if _RISKY_READ.match(cell) else cell


def is_formula(cell: str) -> bool:
    """A spreadsheet program may run it."""
    return _FORMULA.match(cell) is not None
