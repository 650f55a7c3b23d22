"""Lines as WKT, short enough for a cell of a spreadsheet."""

from collections.abc import Sequence

MOST_CHARACTERS = 32_767  # in a cell of Excel, which writes what is left over into the next rows
MOST_THINNING = 64  # of the points of a line, before whole lines are left out

Positions = Sequence[tuple[str, str]]  # x and y as text


def multi_line_string(lines: Sequence[Positions], *, gap: str = "") -> str:
    """Return lines as a MULTILINESTRING of at most MOST_CHARACTERS.

    If they have too many points, every second one is left out, or three of four, and so on; if that is not
    enough, the lines with the fewest points. Each line keeps its ends.

    gap: after the keyword.
    """
    text, step = _join(lines, gap), 2
    while len(text) > MOST_CHARACTERS and step <= MOST_THINNING:
        text, step = _join([_thin(line, step) for line in lines], gap), 2 * step
    remaining = sorted(range(len(lines)), key=lambda number: (-len(lines[number]), number))
    while len(text) > MOST_CHARACTERS and len(remaining) > 1:
        remaining = remaining[: -max(len(remaining) // 10, 1)]
        text = _join([_thin(lines[number], MOST_THINNING) for number in sorted(remaining)], gap)
    return text


def _thin(line: Positions, step: int) -> Positions:
    return [*line[:-1:step], line[-1]]


def _join(lines: Sequence[Positions], gap: str) -> str:
    parts = (", ".join(f"{x} {y}" for x, y in line) for line in lines)
    return f"MULTILINESTRING{gap}({', '.join(f'({part})' for part in parts)})"
