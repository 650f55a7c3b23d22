"""Selection of the images for an evaluation: a split of the model, or images that it has never seen."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.basics.records import Window
from crackscan.dataset.duplicates import leave_out_contradictions
from crackscan.dataset.fingerprints import Fingerprinted, fingerprint_all, matches
from crackscan.dataset.records import Example, LabelledData, Problem, Split, problems
from crackscan.dataset.split_csv import SPLIT_CSV, find_overlap, read_split_csv
from crackscan.model.card import Card, sha256_of

NAMED = 5  # images that an error names; its count includes the others

ExampleKey = tuple[str, str, Window | None]  # dataset, source, window


def read_split(folder: str | Path, card: Card) -> list[Fingerprinted]:
    """Read the split.csv of a model.

    Raises:
        BrokenModel: the file is missing, or does not belong to the card.
    """
    path = Path(folder) / SPLIT_CSV
    if not path.is_file():
        raise BrokenModel(f"{path}: missing, so the training images are unknown; get the model folder again.")
    if sha256_of(path) != card.split.sha256:
        raise BrokenModel(f"{path}: does not belong to card.json; get the model folder again.")
    return read_split_csv(path)


def select_split(
    data: LabelledData,
    known: Sequence[Fingerprinted],
    split: Split,
    *,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> LabelledData:
    """Return the images of a split of the model, with the model's groups; the images must be unchanged.

    known: the model's split.csv. If the model was trained on several datasets, only the given ones are
    returned. Labels may have been corrected since the training.

    Raises:
        BadData: no given dataset is one of the model's, or images are missing, changed or have another label.
    """
    rows = select_split_rows(
        data, known, split, input_px=input_px, jobs=jobs, on_done=on_done, newly_corrected=True
    )
    return replace(data, examples=tuple(row.example for row in rows))


def select_split_rows(
    data: LabelledData,
    known: Sequence[Fingerprinted],
    split: Split,
    *,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
    newly_corrected: bool = False,
) -> list[Fingerprinted]:
    """Return the examples of `select_split` with the fingerprints in the model's split.csv.

    newly_corrected: whether labels may differ that were corrected after the training.

    Raises:
        BadData: as `select_split`.
    """
    rows = _split_rows(data.examples, known, split)
    given = {example_key(example): example for example in data.examples}
    missing = [row.example for row in rows if example_key(row.example) not in given]
    _check_none(
        missing, f"Images of the model's split {split} are not in the data", "Give the data of the training."
    )
    examples = [
        replace(given[example_key(row.example)], split=split, group=row.example.group) for row in rows
    ]
    current, _ = fingerprint_all(examples, input_px=input_px, jobs=jobs, on_done=on_done)
    before = {example_key(row.example): row for row in rows}
    changed = [
        row.example
        for row in current
        if not _is_unchanged(row, before[example_key(row.example)], newly_corrected=newly_corrected)
    ]
    what = f"Images of the model's split {split}, or their labels, have changed since the training"
    _check_none(
        changed, what, "Give the data of the training, with its CSV of corrected labels if it had one."
    )
    return [row._replace(example=example) for row, example in zip(rows, examples, strict=True)]


def select_unseen(
    data: LabelledData,
    known: Sequence[Fingerprinted],
    *,
    leave_out: bool = False,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> LabelledData:
    """Return the data if it has no exact or near duplicate of an image that the model has learned from.

    Equal images of both classes are left out, as in a training: which label is right is unknown.

    known: the model's split.csv. leave_out: leave out the duplicates, with a problem, instead of raising.

    Raises:
        BadData: the model was trained or tuned on some images and `leave_out` is not set, or on all of them.
    """
    readable, _ = fingerprint_all(data.examples, input_px=input_px, jobs=jobs, on_done=on_done)
    examples, rows, contradictions = _leave_out_contradictions(data.examples, readable)
    seen = {example_key(overlap.example): overlap for overlap in find_overlap(rows, known)}
    names = [
        f"{overlap.example.name} ({'' if overlap.exact else 'nearly '}the same as {overlap.known.name})"
        for overlap in seen.values()
    ]
    rest = [replace(example, split=None) for example in examples if example_key(example) not in seen]
    if seen and not (leave_out and rest):
        others = ", or leave these out with --leave-out-seen" if rest else ""
        raise BadData(
            f"The model has learned from some of the {len(examples):,} images: {_join(names)}. "
            f"Evaluate on its --split test or on other data{others}."
        )
    left_out = problems("images that the model has learned from, left out", names)
    return LabelledData(tuple(rest), (*data.problems, *contradictions, *left_out))


def _leave_out_contradictions(
    examples: Sequence[Example], rows: Sequence[Fingerprinted]
) -> tuple[Sequence[Example], Sequence[Fingerprinted], tuple[Problem, ...]]:
    """Leave out equal images of both classes, unless all images are; then their problem is told alone."""
    consistent, contradictions = leave_out_contradictions(rows)
    if not consistent:
        what = "equal images of both classes"
        return examples, rows, tuple(replace(problem, what=what) for problem in contradictions)
    left_out = {example_key(row.example) for row in rows} - {example_key(row.example) for row in consistent}
    rest = [example for example in examples if example_key(example) not in left_out]
    return rest, consistent, contradictions


def _split_rows(
    examples: Sequence[Example], known: Sequence[Fingerprinted], split: Split
) -> list[Fingerprinted]:
    given = {example.data for example in examples}
    rows = [row for row in known if row.example.split == split and row.example.data in given]
    if not rows:
        names = dict.fromkeys(row.example.data for row in known if row.example.split == split)
        raise BadData(
            f"The model's split {split} has images of {', '.join(names) or 'no dataset'}, not of "
            f"{', '.join(sorted(given))}; give the folders that it was trained on, with the same names."
        )
    return rows


def example_key(example: Example) -> ExampleKey:
    """Return the identity of an example, which does not depend on the folder of its file."""
    return example.data, example.source, example.window


def _is_unchanged(now: Fingerprinted, before: Fingerprinted, *, newly_corrected: bool) -> bool:
    # a near duplicate is enough: another version of the JPEG library decodes a few pixels differently
    (index,) = matches([now.fingerprint], [before.fingerprint])
    corrected = newly_corrected and now.example.relabelled
    return index is not None and (corrected or now.example.label == before.example.label)


def _check_none(examples: Sequence[Example], what: str, advice: str) -> None:
    if examples:
        raise BadData(f"{what}: {_join([example.name for example in examples])}. {advice}")


def _join(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more} ({len(names):,} in all)"
