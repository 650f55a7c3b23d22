"""Rows of a scan with what people said about them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields

from crackscan.basics.records import Label, Result, Review, ReviewedResult, Window
from crackscan.review.verdicts import Agreement, RowId

_FIELDS = tuple(field.name for field in fields(Result))
# Of a crack that lies in several judged tiles the first of these counts: it is cracked in one of them.
_STRONGEST: tuple[Review, ...] = ("crack", "disagreement", "unsure", "no-crack")


def reviewed_rows(agreements: Mapping[RowId, Agreement]) -> Callable[[Result], ReviewedResult]:
    """Return what adds verdicts to a labelled row: its label becomes that of the people, where they agree.

    The row of a traced crack gets what was said about the tiles in which it lies.
    """
    by_source: dict[str, list[tuple[Window, Agreement]]] = defaultdict(list)
    for row, agreement in agreements.items():
        if row.window is not None:
            by_source[row.source].append((row.window, agreement))

    def add(row: Result) -> ReviewedResult:
        if row.kind == "crack":
            return _reviewed(row, _of_crack(row, by_source.get(row.source, ())))
        return _reviewed(row, agreements.get(RowId.of_row(row)))

    return add


def _reviewed(row: Result, said: Agreement | None) -> ReviewedResult:
    values = {name: getattr(row, name) for name in _FIELDS}
    if said is None:
        return ReviewedResult(**values)
    if said.cracked is not None:
        label: Label = "crack" if said.cracked else "no-crack"
        values["label"] = label
    return ReviewedResult(
        **values,
        review=said.review,
        reviewer=", ".join(said.reviewers),
        reviewed_at=said.at,
        flagged="yes" if said.flagged else None,
        review_note=said.note or None,
    )


def _of_crack(crack: Result, judged: Iterable[tuple[Window, Agreement]]) -> Agreement | None:
    """Return what was said about the tiles that a crack's line goes through, together."""
    points = [point for trace in crack.traces for point in trace.points]
    said = [
        agreement
        for window, agreement in judged
        if any(
            0 <= col - window.col < window.width and 0 <= row - window.row < window.height
            for col, row in points
        )
    ]
    if not said:
        return None
    reviews = {agreement.review for agreement in said}
    return Agreement(
        next((review for review in _STRONGEST if review in reviews), None),
        tuple(dict.fromkeys(name for agreement in said for name in agreement.reviewers)),
        max(agreement.at for agreement in said),
        any(agreement.flagged for agreement in said),
        "; ".join(agreement.note for agreement in said if agreement.note),
    )
