"""Numbers as metadata and tables hold them."""

import math


def parse_number(text: str | None) -> float | None:
    """Parse a number, or a fraction as Parrot writes it; None for anything else, NaN and infinity."""
    try:
        numerator, _, denominator = (text or "").partition("/")
        value = float(numerator) / (float(denominator) if denominator else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None
