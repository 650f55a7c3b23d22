"""Splits share no scene, are the same on every machine, and fail with a clear error."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import save_picture
from PIL import Image

from crackscan.basics.errors import BadData
from crackscan.dataset.duplicates import keep_together, leave_out_contradictions
from crackscan.dataset.fingerprints import Fingerprint, Fingerprinted
from crackscan.dataset.loading import load_examples
from crackscan.dataset.records import Example, LabelledData, Split
from crackscan.dataset.splitting import Fractions, SplitData, check_leaks, split_examples


def row(
    content: str,
    *,
    group: str = "",
    label: bool = True,
    split: Split | None = None,
    name: str = "",
) -> Fingerprinted:
    """Return an example with the fingerprint of some content; other content has a very different one."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    source = name or f"{content}.jpg"
    return Fingerprinted(
        Example("", source, label, group=group or source, split=split, data="set"), mark(digest)
    )


def mark(digest: str, flipped: int = 0) -> Fingerprint:
    """Return a fingerprint; with flipped bits it is that of a near duplicate."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(digest), np.uint8))
    bits[:flipped] ^= 1
    return Fingerprint(digest if not flipped else digest[::-1], np.packbits(bits).tobytes().hex())


def near(original: Fingerprinted, *, group: str, split: Split | None = None) -> Fingerprinted:
    """Return a near duplicate of an example under another name and in another group."""
    example = replace(original.example, source=f"near-{original.example.source}", group=group, split=split)
    return Fingerprinted(example, mark(original.fingerprint.sha256, flipped=10))


def save_set(root: Path, groups: int, *, per_group: int = 2, first: int = 0) -> LabelledData:
    """Write groups of different pictures for each class, and load them; `first` numbers the pictures."""
    for number, folder in enumerate(("crack", "no-crack")):
        for group in range(groups):
            for image in range(per_group):
                seed = first + number * 10_000 + group * 100 + image
                save_picture(root / folder / f"g{group:02}-{image}.png", seed, size=40)
    return load_examples([root], group_by=r"(.+/g\d+)-")


def splits_of(split: SplitData) -> dict[str, Split | None]:
    """Return the split of each source."""
    return {row.example.source: row.example.split for row in split.rows}


def test_groups_stay_whole_and_classes_get_their_shares(tmp_path: Path) -> None:
    """Of 20 groups per class, 14, 3 and 3 go to train, validation and test, each group as a whole."""
    split = split_examples(save_set(tmp_path, 20), seed=1)
    assert split.groups() == {"train": 28, "validation": 6, "test": 6}
    assert split.counts() == {
        "train": {"crack": 28, "no-crack": 28},
        "validation": {"crack": 6, "no-crack": 6},
        "test": {"crack": 6, "no-crack": 6},
    }
    assert len({(row.example.group, row.example.split) for row in split.rows}) == 40


def test_split_depends_only_on_data_and_seed(tmp_path: Path) -> None:
    """The same data and seed give the same split with any number of threads; another seed another split."""
    data = save_set(tmp_path, 10)
    first = split_examples(data, seed=1, jobs=1)
    assert first == split_examples(data, seed=1, jobs=3)
    assert splits_of(first) != splits_of(split_examples(data, seed=2))


def test_three_groups_per_class_are_enough(tmp_path: Path) -> None:
    """With little data, too, each split gets both classes if that is possible."""
    split = split_examples(save_set(tmp_path, 3), seed=0)
    assert all(count == 2 for counts in split.counts().values() for count in counts.values())


def test_small_dataset_is_split_beside_a_large_one(tmp_path: Path) -> None:
    """Each dataset has its share in every split: otherwise a small one could be in train only."""
    save_set(tmp_path / "large", 6, per_group=20)
    save_set(tmp_path / "small", 6, first=50_000)
    data = load_examples([tmp_path / "large", tmp_path / "small"], group_by=[r"large=(.+/g\d+)-"])
    split = split_examples(data, seed=1)
    strata = {(row.example.data, row.example.split, row.example.label) for row in split.rows}
    assert len(strata) == 2 * 3 * 2


def test_corrected_labels_move_no_group(tmp_path: Path) -> None:
    """The test split stays the same, so that models before and after a correction can be compared."""
    data = save_set(tmp_path, 10)
    corrected = [
        replace(example, label=True, relabelled=True)
        if example.source.endswith("0.png") and not example.label
        else example
        for example in data.examples
    ]
    for seed in range(5):
        before = split_examples(data, seed=seed)
        after = split_examples(LabelledData(tuple(corrected)), seed=seed)
        assert splits_of(before) == splits_of(after)
        assert before.counts() != after.counts()


def test_too_few_groups_say_how_many_there_are(tmp_path: Path) -> None:
    """Two groups cannot fill three splits; the error says so, and what helps."""
    with pytest.raises(BadData) as error:
        split_examples(save_set(tmp_path, 2), seed=0)
    assert str(error.value) == (
        "No crack images are left for test: once copies are brought together, 2 groups have crack images, "
        "and each of train, validation, test needs one. Give more images, make smaller groups "
        "(--group-by, --block), or correct the given splits."
    )


def test_split_with_a_share_of_0_stays_empty(tmp_path: Path) -> None:
    """Two groups are then enough for the other two splits."""
    split = split_examples(save_set(tmp_path, 2), seed=0, fractions=Fractions(0.5, 0.5, 0.0))
    assert split.groups() == {"train": 2, "validation": 2, "test": 0}


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (0.0, 0.5, 0.5)])
def test_shares_that_do_not_add_up_are_an_error(tmp_path: Path, shares: tuple[float, float, float]) -> None:
    """The error repeats the given shares."""
    with pytest.raises(BadData, match=rf"^Fractions {shares[0]:g}, {shares[1]:g}"):
        split_examples(save_set(tmp_path, 3), seed=0, fractions=Fractions(*shares))


def test_copies_in_different_groups_get_the_same_split(tmp_path: Path) -> None:
    """A picture and its recompressed, renamed copy are never in two splits."""
    data = save_set(tmp_path, 12, per_group=1)
    for number in range(6):
        Image.open(tmp_path / f"crack/g{number:02}-0.png").save(
            tmp_path / f"crack/copy{number}.jpg", quality=80
        )
    data = load_examples([tmp_path])
    splits = splits_of(split_examples(data, seed=0))
    for number in range(6):
        assert splits[f"crack/copy{number}.jpg"] == splits[f"crack/g{number:02}-0.png"]


def test_unreadable_images_are_counted_and_the_rest_is_split(tmp_path: Path) -> None:
    """A broken file is named among the problems."""
    data = save_set(tmp_path, 4)
    (tmp_path / "crack" / "g00-0.png").write_bytes(b"broken")
    split = split_examples(data, seed=0)
    assert len(split.rows) == 15
    assert split.problems[-1].names[0].startswith(f"{tmp_path.name}/crack/g00-0.png (")


def test_given_splits_are_kept_and_the_rest_fills_up(tmp_path: Path) -> None:
    """The splits of a manifest are kept and count towards the shares."""
    data = save_set(tmp_path, 20)
    held = {f"{name}/g{number:02}" for name in ("crack", "no-crack") for number in range(3)}
    examples = tuple(
        replace(example, split="test" if example.group in held else None) for example in data.examples
    )
    split = split_examples(LabelledData(examples), seed=0)
    assert {row.example.group for row in split.part("test")} == held
    assert split.groups() == {"train": 28, "validation": 6, "test": 6}


def test_given_splits_that_share_a_picture_are_an_error_that_names_it(tmp_path: Path) -> None:
    """A manifest whose test split has a training image, under any name, is refused."""
    data = save_set(tmp_path, 3, per_group=1)
    save_picture(tmp_path / "crack" / "again.png", 0, size=40)
    splits: dict[str, Split] = {"0": "train", "1": "validation", "2": "test"}
    examples = [replace(example, split=splits[example.group[-1]]) for example in data.examples]
    copy = Example(str(tmp_path / "crack/again.png"), "crack/again.png", label=True, group="x", split="test")
    with pytest.raises(BadData, match=r"crack/g00-0\.png \(train\) and .*crack/again\.png \(test\)"):
        split_examples(LabelledData((*examples, replace(copy, data="set"))), seed=0)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (
            row("b", group="g", split="test"),
            "images of one group are in different splits: set/a.jpg (train) and set/b.jpg",
        ),
        (
            row("a", group="h", split="test", name="c.jpg"),
            "copies of one picture are in different splits: set/a.jpg (train)",
        ),
        (near(row("a"), group="h", split="test"), "set/a.jpg (train) and set/near-a.jpg (test)"),
    ],
    ids=["group", "equal", "near"],
)
def test_leak_check_names_what_is_in_two_splits(other: Fingerprinted, what: str) -> None:
    """A group, an exact or a near duplicate in two splits is refused by name."""
    rows = [row("a", group="g", split="train"), row("z", split="validation"), other]
    with pytest.raises(BadData) as error:
        check_leaks(rows)
    assert what in str(error.value)


def test_leak_check_accepts_a_clean_split() -> None:
    """Copies in one split, and rows without a split, are not a leak."""
    first = row("a", group="g", split="train")
    check_leaks([first, near(first, group="g", split="train"), row("a", group="x"), row("b", split="test")])


def test_equal_pictures_of_both_classes_are_all_left_out() -> None:
    """Nobody knows which label is right, so both images are left out and named."""
    rows = [row("a"), row("b"), row("a", label=False, name="c.jpg")]
    remaining, (problem,) = leave_out_contradictions(rows)
    assert remaining == [rows[1]]
    assert str(problem) == (
        "Equal images of both classes, all left out: 2 (set/a.jpg (crack), set/c.jpg (no-crack))."
    )


def test_groups_that_share_many_copies_become_one() -> None:
    """Two groups of 10 with a near duplicate in common show the same scene."""
    rows = [row(f"{group}{n}", group=group) for group in ("a", "b", "c") for n in range(10)]
    remaining, problems = keep_together([*rows, near(rows[0], group="b")])
    assert {row.example.group for row in remaining} == {"a", "c"}
    assert len(remaining) == 31
    assert not problems


def test_odd_copies_between_large_groups_are_left_out() -> None:
    """One copy among 100 images does not merge two blocks: the later copy is left out instead."""
    rows = [row(f"{group}{n}", group=group) for group in ("a", "b") for n in range(100)]
    remaining, (problem,) = keep_together([*rows, near(rows[0], group="b")])
    assert remaining == rows
    assert str(problem) == "Copies of an image in another group, left out: 1 (set/near-a0.jpg)."


@given(
    groups=st.lists(st.integers(1, 6), min_size=2, max_size=8),
    copies=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(0, 7)), max_size=10),
)
def test_after_keeping_copies_together_any_split_of_the_groups_is_clean(
    groups: Sequence[int], copies: Sequence[tuple[int, int, int]]
) -> None:
    """For any copies between the groups, no two groups share a picture afterwards."""
    rows = [row(f"{group}-{n}", group=str(group)) for group, size in enumerate(groups) for n in range(size)]
    rows += [
        near(row(f"{source}-{n}"), group=str(target % len(groups)))
        for source, n, target in copies
        if source < len(groups) and n < groups[source]
    ]
    remaining, _ = keep_together(rows)
    holders = defaultdict(set)
    for example, fingerprint in remaining:
        holders[fingerprint.phash[8:]].add(example.group)
    assert all(len(names) == 1 for names in holders.values())
    assert {phash[8:] for _, (_, phash) in rows} == holders.keys()


@pytest.mark.slow
def test_real_blocks_split_without_a_leak(real_data: Path) -> None:
    """METU in blocks: its last block of cracks shows the same scene as the first, and gets the same split."""
    data = load_examples([real_data / "metu"], block=500, block_gap=50)
    split = split_examples(data, seed=0)
    groups = {row.example.source: row.example.group for row in split.rows}
    assert groups["Positive/00001.jpg"] == groups["Positive/06000.jpg"]
    assert split.groups() == {"train": 15, "validation": 4, "test": 4}
    assert all(count > 800 for counts in split.counts().values() for count in counts.values())
