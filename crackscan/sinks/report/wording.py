"""Texts of a page: names that hide nothing, JSON that ends no tag, numbers as words."""

import json
import re
from collections.abc import Sequence
from typing import Any

# characters that would hide or reorder a file name: control characters, and marks of writing direction
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """Return a text with its invisible characters written out by their number."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def to_json(content: Any) -> bytes:
    """Return JSON that can stand inside an HTML page: `<` would begin a tag."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").encode()


def shared_start(names: Sequence[str]) -> int:
    """Return how many characters of the names are folders that all of them lie in."""
    if not names:
        return 0
    low, high = min(names), max(names)
    same = next((n for n, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low.rfind("/", 0, same) + 1


def plural(number: int, word: str) -> str:
    """Return "1 row" or "12,400 rows"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def share_range(shares: Sequence[float]) -> str:
    """Return the range of some shares in percent: "71 to 93 %"."""
    low, high = (f"{part:.0%}".replace("%", " %") for part in (min(shares), max(shares)))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def share(part: int, whole: int) -> str:
    """Return a share in percent as the page's scripts do: never rounded to none or all."""
    percentage = 100 * part / max(whole, 1)
    if part and percentage < 1:
        return "< 1 %"
    if part < whole and percentage > 99:
        return "> 99 %"
    return f"{percentage:.0f} %"
