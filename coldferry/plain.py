"""Strangers' words made harmless: names and tags come from anybody.

Prefect's first UI renders a form's descriptions as Markdown, its second one
shows their source. So as little is escaped as leaves no markup: what reads well
in the one is not full of backslashes in the other.
"""

import re
import unicodedata

LIMIT = 256

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

_PUNCTUATION = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_MARKUP = re.compile(
    rf"""
    \\(?=[{_PUNCTUATION}]|$)              # would escape what follows
    | [`*<|~]                             # spans, emphasis, markup, tables, strikes
    | (?<![^\W_])_ | _(?![^\W_])          # emphasis, but not inside a word
    | \[ (?! \d+\] (?![\[(:]) )           # links and images, but not the index of a path
    | & (?=\#?\w+;)                       # entities
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?<=\bwww)(?=\.)|(?<=/)(?=/)|(?<=\S)(?=@\w)", re.IGNORECASE)
"""Where a space keeps a page from making a link. An escape does not: a renderer of GitHub's
Markdown looks for addresses in the text that it made (Prefect's second UI does, in an artifact)."""
_BLOCK = re.compile(r"\d{1,9}(?=[.)](?:\s|$))|(?=>|#{1,6}(?:\s|$)|[-+](?:\s|$)|[-=][-=\s]*$)")
"""What makes a list, a heading, a quote or a rule of a line that begins so."""


def visible(text: object) -> str:
    """One line of visible characters: no control, no bidirectional override; a space for each."""
    return "".join(c if unicodedata.category(c) not in _UNSEEN else " " for c in str(text))


def plain(text: object, limit: int = LIMIT) -> str:
    """:func:`visible`, and cut at ``limit``."""
    kept = visible(text)
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


def size(size_bytes: int) -> str:
    """``8 GiB``, ``11.1 MiB``, ``512 B``: at most one digit behind the point."""
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{size_bytes} B"


def duration(seconds: float) -> str:
    """``59 s``, ``2 min``, ``3 h 20 min``: as exact as a guess may be."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def counted(number: int, thing: str) -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


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
    """``text`` as Markdown that reads the same: no emphasis, no markup, no link, no mention.

    Addresses are read with a space in them: ``http:/ /there``, ``www .there``, ``a @there``.
    It may stand anywhere in a line, at its beginning and in a table's cell too.
    """
    shown = _ADDRESS.sub(" ", " ".join(plain(text, limit).split()))
    escaped = _MARKUP.sub(r"\\\g<0>", shown)
    if begins := _BLOCK.match(escaped):
        return f"{begins[0]}\\{escaped[begins.end() :]}"
    return escaped
