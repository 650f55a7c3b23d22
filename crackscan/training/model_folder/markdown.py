"""Pieces of Markdown for the README of a model folder."""

from collections.abc import Iterable, Mapping, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def show_pictures(captions: Mapping[str, str], pictures: Sequence[str]) -> str:
    """Return the pictures that exist, with their captions."""
    return "\n".join(f"![{caption}]({name})" for name, caption in captions.items() if name in pictures)


def join(*paragraphs: str) -> str:
    """Join paragraphs, without empty ones."""
    return "\n\n".join(filter(None, paragraphs))


def format_number(value: float | None, form: str) -> str:
    """Return a figure, or a dash if there is none."""
    return "-" if value is None else format(value, form)
