"""Sizes as an OVF spells them: a number, and a unit of one of many spellings.

Sources: DSP0004 annex C ("byte * 2^20"), DSP0243 section 9.1; older exporters
write words, which count in powers of two whatever their spelling.
"""

import re

_WORDS = {
    "": 0, "k": 10, "ki": 10, "kilo": 10, "kibi": 10, "m": 20, "mi": 20, "mega": 20, "mebi": 20,
    "g": 30, "gi": 30, "giga": 30, "gibi": 30, "t": 40, "ti": 40, "tera": 40, "tebi": 40,
}  # fmt: skip
_WORD = re.compile(r"([a-z]*?)(?:bytes?|b)")
_FACTOR = re.compile(r"\*(\d{1,12})(?:\^(\d{1,2}))?")

MOST_BYTES = 1 << 60
"""No disk and no memory is as large: a number beyond is a slip, or an attack."""


def unit_bytes(spelled: str) -> int:
    """How many bytes one unit has: ``byte * 2^20``, ``MegaBytes``, ``MB``, ``GiB``.

    Raises ValueError for a unit that is none.
    """
    text = re.sub(r"\s+", "", spelled).lower()
    word = _WORD.match(text)
    if word is None or word[1] not in _WORDS:
        raise ValueError(spelled)
    found, rest = 1 << _WORDS[word[1]], text[word.end() :]
    while rest:
        factor = _FACTOR.match(rest)
        if factor is None:
            raise ValueError(spelled)
        base, power = int(factor[1]), int(factor[2] or 1)
        if (base.bit_length() - 1) * power > 64:  # before it is computed
            raise ValueError(spelled)
        found *= base**power
        if not 0 < found <= MOST_BYTES:
            raise ValueError(spelled)
        rest = rest[factor.end() :]
    return found
