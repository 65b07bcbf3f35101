"""Strangers' words made harmless: names and tags come from anybody."""

import re
import unicodedata

LIMIT = 256


def plain(text: object, limit: int = LIMIT) -> str:
    """One line of visible characters: no control, no bidirectional override, cut at ``limit``."""
    kept = "".join(
        c if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else " "
        for c in str(text)
    )
    return kept if len(kept) <= limit else f"{kept[: limit - 1]}…"


def shown(value: object) -> str:
    """A field's value in a person's words: never a literal of this language.

    ``none`` for what is not there, ``empty`` for a text without letters, ``yes`` and ``no``,
    lists with commas between. Not cut and not made harmless: that is :func:`plain`'s.
    """
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "none"
    return str(value) or "empty"


def fields_need(number: int) -> str:
    """``1 field needs``, ``2 fields need``."""
    return "1 field needs" if number == 1 else f"{number} fields need"


def inert(text: object, limit: int = LIMIT) -> str:
    """One line in which nothing is taken for an address: ``https: //there``, ``www .there``.

    For what a page makes links in by itself: Prefect's log lines and run names.
    """
    return re.sub(r"(?i)(?<=\bwww)(?=\.)|(?<=:)(?=//)", " ", plain(text, limit))


def code(text: object, limit: int = LIMIT) -> str:
    """``text`` as a Markdown code span that cannot be left, and that fits a table's cell."""
    shown = plain(text, limit).replace("|", "¦")
    fence = "`"
    while fence in shown:
        fence += "`"
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: object, limit: int = LIMIT) -> str:
    """``text`` as Markdown that reads the same: no emphasis, no markup, no link, no mention."""
    escaped = re.sub(r"[\\`*_\[\]<>#|~&@]", r"\\\g<0>", plain(text, limit))
    return re.sub(r"(?i)(?<=\bwww)\.|:(?=//)", r"\\\g<0>", escaped)
