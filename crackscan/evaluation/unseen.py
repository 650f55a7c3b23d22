"""Which labelled images a model may be judged on: a split that it kept aside, or what it has never seen."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from crackscan.basics.errors import BadData, BrokenModel
from crackscan.basics.records import Window
from crackscan.dataset.fingerprints import Fingerprinted, fingerprint_all, matches
from crackscan.dataset.records import Example, LabelledData, Split, problems
from crackscan.dataset.split_csv import SPLIT_CSV, find_overlap, read_split_csv
from crackscan.model.card import Card, sha256_of

NAMED = 5  # images that an error names; its count says how many there are

ExampleKey = tuple[str, str, Window | None]  # DATA, source, window


def read_split(folder: str | Path, card: Card) -> list[Fingerprinted]:
    """Read which images a model learned from, and which it kept aside.

    Raises:
        BrokenModel: its split.csv is missing, or is not the one that the card speaks of.
    """
    path = Path(folder) / SPLIT_CSV
    if not path.is_file():
        raise BrokenModel(f"{path}: missing, so what the model has seen is unknown; get the folder again.")
    if sha256_of(path) != card.split.sha256:
        raise BrokenModel(f"{path}: not the file that card.json speaks of; get the model folder again.")
    return read_split_csv(path)


def examples_of_split(
    data: LabelledData,
    known: Sequence[Fingerprinted],
    split: Split,
    *,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> LabelledData:
    """Return the images of one of a model's own splits, in its groups; each must be what it was.

    known: the model's split.csv. Of a model trained on several DATA, those given here count. A label may have
    been corrected since.

    Raises:
        BadData: none of the DATA is one of the model's, or images are gone, changed or have another label.
    """
    rows = split_rows(data, known, split, input_px=input_px, jobs=jobs, on_done=on_done, newly_corrected=True)
    return replace(data, examples=tuple(row.example for row in rows))


def split_rows(
    data: LabelledData,
    known: Sequence[Fingerprinted],
    split: Split,
    *,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
    newly_corrected: bool = False,
) -> list[Fingerprinted]:
    """Return what `examples_of_split` does, with the fingerprints that the model's split.csv has.

    newly_corrected: whether labels may be that were corrected after the training.

    Raises:
        BadData: as `examples_of_split`.
    """
    rows = _rows_of(data.examples, known, split)
    found = {example_key(example): example for example in data.examples}
    missing = [row.example for row in rows if example_key(row.example) not in found]
    _refuse(missing, f"Images of the model's split {split} are not in the data", "Give the data as it was.")
    examples = [
        replace(found[example_key(row.example)], split=split, group=row.example.group) for row in rows
    ]
    marked, _ = fingerprint_all(examples, input_px=input_px, jobs=jobs, on_done=on_done)
    then = {example_key(row.example): row for row in rows}
    changed = [
        row.example
        for row in marked
        if not _same(row, then[example_key(row.example)], newly_corrected=newly_corrected)
    ]
    what = f"Images of the model's split {split} have changed since it was trained, or their label has"
    _refuse(changed, what, "Give the data as it was, with the CSV of corrected labels if it had one.")
    return [row._replace(example=example) for row, example in zip(rows, examples, strict=True)]


def unseen(
    data: LabelledData,
    known: Sequence[Fingerprinted],
    *,
    leave_out: bool = False,
    input_px: int,
    jobs: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> LabelledData:
    """Return the data if the model has learned from none of it, under whatever name, exactly or nearly.

    known: the model's split.csv. leave_out: leave out what it has seen, and say so, instead of refusing.

    Raises:
        BadData: the model was trained or tuned on some of it that is not to be left out, or on all of it.
    """
    marked, _ = fingerprint_all(data.examples, input_px=input_px, jobs=jobs, on_done=on_done)
    seen = {example_key(overlap.example): overlap for overlap in find_overlap(marked, known)}
    named = [
        f"{overlap.example.name} ({'the same as' if overlap.exact else 'nearly'} {overlap.known.name})"
        for overlap in seen.values()
    ]
    rest = [replace(example, split=None) for example in data.examples if example_key(example) not in seen]
    if seen and not (leave_out and rest):
        others = ", or leave these out with --leave-out-seen" if rest else ""
        raise BadData(
            f"The model has learned from some of the {len(data.examples):,} images: {_first(named)}. "
            f"Evaluate on its --split test or on other data{others}."
        )
    left_out = problems("images that the model has learned from, left out", named)
    return LabelledData(tuple(rest), (*data.problems, *left_out))


def _rows_of(
    examples: Sequence[Example], known: Sequence[Fingerprinted], split: Split
) -> list[Fingerprinted]:
    given = {example.data for example in examples}
    rows = [row for row in known if row.example.split == split and row.example.data in given]
    if not rows:
        names = dict.fromkeys(row.example.data for row in known if row.example.split == split)
        raise BadData(
            f"The model's split {split} is of {', '.join(names) or 'no data at all'}, "
            f"not of {', '.join(sorted(given))}; give the folders that it was trained on, under their names."
        )
    return rows


def example_key(example: Example) -> ExampleKey:
    """Return by what an example is found again, wherever its file lies."""
    return example.data, example.source, example.window


def _same(now: Fingerprinted, then: Fingerprinted, *, newly_corrected: bool) -> bool:
    # nearly the same will do: another version of the JPEG library decodes a few pixels otherwise
    (place,) = matches([now.fingerprint], [then.fingerprint])
    corrected = newly_corrected and now.example.relabelled
    return place is not None and (corrected or now.example.label == then.example.label)


def _refuse(examples: Sequence[Example], what: str, advice: str) -> None:
    if examples:
        raise BadData(f"{what}: {_first([example.name for example in examples])}. {advice}")


def _first(names: Sequence[str]) -> str:
    named = ", ".join(names[:NAMED])
    return (
        f"{named}, ... ({len(names):,} in all)" if len(names) > NAMED else f"{named} ({len(names):,} in all)"
    )
