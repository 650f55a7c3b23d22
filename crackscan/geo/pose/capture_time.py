"""Times of capture as programs write them: EXIF's own form, or ISO 8601."""

import re
from datetime import datetime

# EXIF separates dates by colons; some programs write ISO 8601, with fractions and offsets
_TIME = re.compile(
    r"([0-9]{4})[:-]([0-9]{2})[:-]([0-9]{2})[ T]([0-9]{2}:[0-9]{2})(:[0-9]{2})?"
    r"(?:[.,][0-9]+)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_OFFSET = re.compile(r"Z|[+-][0-9]{2}:?[0-9]{2}")


def parse_capture_time(text: str, offset: str = "") -> str | None:
    """Return a time as ISO 8601 in whole seconds, or None if it is not one.

    offset: from UTC, such as "+02:00"; it counts where the time has none of its own.
    """
    taken = _TIME.fullmatch(text)
    if not taken:
        return None
    year, month, day, time, seconds, own_offset = taken.groups()
    zone = own_offset or (offset if _OFFSET.fullmatch(offset) else "")
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}T{time}{seconds or ':00'}{zone}")
    except ValueError:  # 0000:00:00 00:00:00, the 31st of June, an offset of 99 hours
        return None
    return moment.isoformat()
