"""Rows of a scan with what people said about them."""

from collections.abc import Callable, Mapping
from dataclasses import fields

from crackscan.basics.records import Label, Result, ReviewedResult
from crackscan.review.verdicts import Agreement, RowId

_FIELDS = tuple(field.name for field in fields(Result))


def reviewed_rows(agreements: Mapping[RowId, Agreement]) -> Callable[[Result], ReviewedResult]:
    """Return what adds verdicts to a labelled row: its label becomes that of the people, where they agree."""

    def add(row: Result) -> ReviewedResult:
        values = {name: getattr(row, name) for name in _FIELDS}
        said = agreements.get(RowId.of_row(row))
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

    return add
