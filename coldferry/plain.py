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
