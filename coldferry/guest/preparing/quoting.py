"""A guest's words inside a script: they can never be anything but words.

Sources: POSIX.1-2017, Shell Command Language, 2.2.2 (between single quotes
every character but the quote stands for itself); "about_Quoting_Rules" of
PowerShell (a quote is doubled), whose lexer takes four typographic quotes for
the same sign.
"""

import re

from coldferry.plain import plain

LIMIT = 4096
_POWERSHELL_QUOTES = "'\u2018\u2019\u201a\u201b"


class NotShowable(ValueError):
    """A word with characters that a person who reads the script would not see."""


def for_shell(word: str) -> str:
    """``word`` as one word of a POSIX shell. Raises NotShowable."""
    return "'" + _shown(word).replace("'", "'\\''") + "'"


def for_powershell(word: str) -> str:
    """``word`` as a literal string of PowerShell. Raises NotShowable."""
    return "'" + re.sub(f"([{_POWERSHELL_QUOTES}])", r"\1\1", _shown(word)) + "'"


def _shown(word: str) -> str:
    if plain(word, LIMIT) != word:
        raise NotShowable(word)
    return word
