"""Pieces of Markdown that a model card is put together from."""

from collections.abc import Iterable, Mapping, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(captions: Mapping[str, str], pictures: Sequence[str]) -> str:
    """Return the pictures that are there, with their captions."""
    return "\n".join(f"![{caption}]({name})" for name, caption in captions.items() if name in pictures)


def joined(*paragraphs: str) -> str:
    """Return paragraphs one after the other, without those that are empty."""
    return "\n\n".join(filter(None, paragraphs))


def number(value: float | None, form: str) -> str:
    """Return a figure, or a dash where there is none."""
    return "-" if value is None else format(value, form)
