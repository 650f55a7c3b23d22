"""Loading labelled data in every form that people have, and the errors for data that cannot be used."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import save_picture
from PIL import Image

from crackscan.basics.errors import BadData, NoInputs
from crackscan.dataset.loading import LabelledData, load_examples


def place_files(root: Path, *names: str) -> Path:
    """Make empty files: finding labels opens no picture."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def write_manifest(path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    """Write a manifest and an empty file for each path in its first column that ends in .jpg."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    place_files(path.parent, *re.findall(r"^([^,;\n]+\.jpg)[,;]", text, flags=re.MULTILINE))
    return path


def make_masked(root: Path, name: str, *, crack_px: int = 0, size: int = 64) -> None:
    """Write an image and its mask, with `crack_px` crack pixels from the top left corner on."""
    save_picture(root / "images" / f"{name}.png", seed=len(name), size=size)
    mask = np.zeros(size * size, np.uint8)
    mask[:crack_px] = 1
    (root / "masks").mkdir(exist_ok=True)
    Image.fromarray(mask.reshape(size, size)).save(root / "masks" / f"{name}.png")


def labels(data: LabelledData) -> dict[str, bool]:
    """Return each source's label."""
    return {example.source: example.label for example in data.examples}


def groups(data: LabelledData) -> list[str]:
    """Return the groups, in the order of the examples."""
    return [example.group for example in data.examples]


@pytest.mark.parametrize(
    ("crack", "none"),
    [
        ("Positive", "Negative"),
        ("CD", "UD"),
        ("cw", "uw"),
        ("Crack", "No-Crack"),
        ("cracked", "UNCRACKED"),
        ("crack", "non_crack"),
        ("cracks", "no crack"),
        ("1", "0"),
    ],
)
def test_class_folders_are_known_by_their_usual_names(tmp_path: Path, crack: str, none: str) -> None:
    """Names in any case, with blanks, hyphens or underscores, say which images show a crack."""
    place_files(tmp_path, f"{crack}/a.jpg", f"{none}/b.jpg")
    assert labels(load_examples([tmp_path])) == {f"{crack}/a.jpg": True, f"{none}/b.jpg": False}


def test_class_folders_may_lie_deeper_and_hold_folders(tmp_path: Path) -> None:
    """SDNET2018's D/CD and P/UP, or folders numbered 0 and 1 within a class, are read right."""
    place_files(tmp_path, "D/CD/1.jpg", "P/UP/2.jpg", "W/UW/0/3.jpg", "W/CW/0/4.jpg")
    assert labels(load_examples([tmp_path])) == {
        "D/CD/1.jpg": True,
        "P/UP/2.jpg": False,
        "W/CW/0/4.jpg": True,
        "W/UW/0/3.jpg": False,
    }


def test_images_come_in_natural_order_and_other_files_are_counted(tmp_path: Path) -> None:
    """2 comes before 10, hidden files are skipped, and other files (such as ._1.jpg of macOS) are counted."""
    place_files(tmp_path, *(f"crack/{n}.jpg" for n in (10, 2, 1)), "no-crack/1.JPG")
    place_files(tmp_path, "crack/._1.jpg", ".cache/crack/1.jpg", "crack/notes.txt", "Thumbs.db")
    data = load_examples([tmp_path])
    assert list(labels(data)) == ["crack/1.jpg", "crack/2.jpg", "crack/10.jpg", "no-crack/1.JPG"]
    assert [str(problem) for problem in data.problems] == [
        "Files that are not pictures, ignored: 3 (.jpg 1, .txt 1, .db 1)."
    ]


def test_folders_that_systems_make_hold_no_examples(tmp_path: Path) -> None:
    """A NAS puts small copies of the pictures beside them."""
    place_files(tmp_path, "crack/1.jpg", "no-crack/1.jpg", "crack/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg")
    data = load_examples([tmp_path])
    assert list(labels(data)) == ["crack/1.jpg", "no-crack/1.jpg"]
    assert [str(problem) for problem in data.problems] == [
        "Folders that systems make, ignored: 1 (@eaDir/ 1)."
    ]


def test_positive_names_the_folder_of_cracks(tmp_path: Path) -> None:
    """With --positive every other folder means no crack, whatever it is called."""
    place_files(tmp_path, "Fissure/a.jpg", "joint/b.jpg", "moss/c.jpg")
    data = load_examples([tmp_path], positive="fissure")
    assert labels(data) == {"Fissure/a.jpg": True, "joint/b.jpg": False, "moss/c.jpg": False}


def test_positive_does_not_change_datasets_without_the_name(tmp_path: Path) -> None:
    """Of several datasets, those without the named folder are read by the usual names."""
    place_files(tmp_path, "own/fissure/a.jpg", "own/rest/b.jpg", "other/CD/c.jpg", "other/UD/d.jpg")
    data = load_examples([tmp_path / "own", tmp_path / "other"], positive="fissure")
    assert [(example.data, example.label) for example in data.examples] == [
        ("own", True),
        ("own", False),
        ("other", True),
        ("other", False),
    ]


def test_positive_that_no_dataset_has_is_an_error(tmp_path: Path) -> None:
    """A mistyped class must not turn every image into an uncracked one."""
    place_files(tmp_path, "crack/a.jpg", "no-crack/b.jpg")
    with pytest.raises(BadData, match=r"^--positive crak: no folder or label has this name\.$"):
        load_examples([tmp_path], positive="crak")


def test_images_outside_the_classes_are_left_out_and_named(tmp_path: Path) -> None:
    """A loose picture, or one in a folder that is not a class, is not silently given a label."""
    root = place_files(tmp_path / "set", "crack/a.jpg", "no-crack/b.jpg", "loose.jpg", "blurred/c.jpg")
    assert [str(problem) for problem in load_examples([root]).problems] == [
        "Images outside the class folders, left out: 2 (set/blurred/c.jpg, set/loose.jpg)."
    ]


def test_folder_of_unknown_form_lists_its_content_and_the_known_forms(tmp_path: Path) -> None:
    """The sentence lists the sub-folders and the forms that can be read."""
    root = place_files(tmp_path / "set", "left/a.jpg", "right/b.jpg", "c.jpg")
    with pytest.raises(BadData) as error:
        load_examples([root])
    assert str(error.value).startswith(
        "set: sub-folders left, right and 1 images beside them; no folder name says crack or no crack. "
        "A dataset is a folder with one sub-folder per class (Positive and Negative,"
    )


def test_folder_names_that_contradict_each_other_are_an_error(tmp_path: Path) -> None:
    """Positive/uncracked could mean either class."""
    place_files(tmp_path, "Positive/uncracked/a.jpg", "Negative/b.jpg")
    with pytest.raises(BadData, match=r"^Positive/uncracked: the folder names contradict each other"):
        load_examples([tmp_path])


def test_one_class_only_is_an_error(tmp_path: Path) -> None:
    """Images of cracks alone are not enough to learn from or to evaluate on."""
    root = place_files(tmp_path / "set", "crack/a.jpg", "crack/b.jpg")
    with pytest.raises(
        BadData, match=r"^All 2 images are crack, such as set/crack/a\.jpg: give images of no-crack"
    ):
        load_examples([root])


def test_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    """An empty folder, or a folder of texts, is not a dataset."""
    place_files(tmp_path, "crack/a.txt")
    with pytest.raises(NoInputs, match=r"no images; 1 other file \(\.txt 1\)"):
        load_examples([tmp_path])


def test_dataset_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """A mistyped path is named."""
    with pytest.raises(NoInputs, match="nowhere: no such folder or file"):
        load_examples([tmp_path / "nowhere"])


def test_file_that_is_not_a_manifest_is_an_error(tmp_path: Path) -> None:
    """A single picture has no label."""
    place_files(tmp_path, "photo.jpg")
    with pytest.raises(BadData, match="neither a folder nor a CSV"):
        load_examples([tmp_path / "photo.jpg"])


def test_datasets_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    """The second of two folders called set gets a number, so that they share no group by accident."""
    for side in ("a", "b", "c"):
        place_files(tmp_path / side / "set", "crack/1.jpg", "no-crack/2.jpg")
    data = load_examples([tmp_path / side / "set" for side in ("a", "b", "c")])
    assert Counter(example.data for example in data.examples) == {"set": 2, "set-2": 2, "set-3": 2}
    assert len(set(groups(data))) == 6


def test_manifest_gives_labels_groups_and_splits(tmp_path: Path) -> None:
    """Paths are relative to the manifest; an Excel file's byte order mark does no harm."""
    text = "Path,label,group,split\nsub/a.jpg,crack,north,train\nb.jpg,0,south,val\nc.jpg,TRUE,south,\n"
    manifest = write_manifest(tmp_path / "set" / "labels.csv", text, encoding="utf-8-sig")
    data = load_examples([manifest])
    assert [(example.source, example.label, example.group, example.split) for example in data.examples] == [
        ("sub/a.jpg", True, "north", "train"),
        ("b.jpg", False, "south", "validation"),
        ("c.jpg", True, "south", None),
    ]
    assert Path(data.examples[0].path) == tmp_path / "set" / "sub" / "a.jpg"


def test_manifest_may_separate_by_semicolons(tmp_path: Path) -> None:
    """Spreadsheets in many countries export semicolons."""
    manifest = write_manifest(tmp_path / "labels.csv", "path;label\na, b.jpg;crack\nc.jpg;no-crack\n")
    place_files(tmp_path, "a, b.jpg")
    assert labels(load_examples([manifest])) == {"a, b.jpg": True, "c.jpg": False}


def test_positive_names_the_label_of_cracks_in_a_manifest(tmp_path: Path) -> None:
    """With --positive every other label means no crack."""
    manifest = write_manifest(tmp_path / "labels.csv", "path,label\na.jpg,Riss\nb.jpg,Fuge\n")
    assert labels(load_examples([manifest], positive="riss")) == {"a.jpg": True, "b.jpg": False}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,label\na.jpg,1\n", "labels.csv, line 1: no column path, found file, label; a manifest has"),
        ("", "labels.csv, line 1: no column label and path, found nothing;"),
        ("path,label\na.jpg,1\nb.jpg,maybe\n", "labels.csv, line 3: label 'maybe'; use crack and no-crack"),
        (
            "path,label,split\na.jpg,1,later\n",
            "labels.csv, line 2: split 'later'; use train, validation, test",
        ),
        ("path,label\na.jpg,1\n,0\n", "labels.csv: 1 of its 2 files do not exist (line 3 '');"),
        (
            "path,label\na.jpg,1\ngone.png,0\n",
            "labels.csv: 1 of its 2 files do not exist (line 3 'gone.png');",
        ),
    ],
)
def test_manifest_errors_name_the_line(tmp_path: Path, text: str, sentence: str) -> None:
    """The sentence says where the manifest is wrong and what was found there."""
    manifest = write_manifest(tmp_path / "labels.csv", text)
    with pytest.raises(BadData) as error:
        load_examples([manifest])
    assert str(error.value).startswith(sentence)


def test_manifest_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    """Latin-1 umlauts would otherwise become other file names."""
    manifest = write_manifest(tmp_path / "labels.csv", "path,label\nbrücke.jpg,1\n", encoding="latin-1")
    with pytest.raises(BadData, match="not UTF-8 text"):
        load_examples([manifest])


def test_manifest_that_is_not_a_csv_is_an_error(tmp_path: Path) -> None:
    """A line that is too long, because a quote is never closed, is named by its number."""
    manifest = write_manifest(tmp_path / "labels.csv", 'path,label\na.jpg,1\n"' + "x" * 200_000)
    with pytest.raises(BadData, match=r"^labels\.csv, line 3: not a valid CSV"):
        load_examples([manifest])


def test_masks_cut_images_into_labelled_tiles(tmp_path: Path) -> None:
    """A tile with enough crack pixels is a crack, one with none is not, one in between is left out."""
    make_masked(tmp_path, "long", crack_px=64 * 20)
    make_masked(tmp_path, "short", crack_px=10)
    make_masked(tmp_path, "clean")
    data = load_examples([tmp_path], tile_px=32, min_crack_px=50)
    counts = Counter((Path(example.source).stem, example.label) for example in data.examples)
    assert counts == {("long", True): 2, ("long", False): 2, ("short", False): 3, ("clean", False): 4}
    assert [problem.what for problem in data.problems] == ["tiles with 1 to 49 crack pixels, left out"]
    assert data.problems[0].names == (f"{tmp_path.name}/images/short.png at 0,0",)
    assert data.examples[0].mask == str(
        tmp_path / "masks" / "clean.png"
    )  # a report looks up where the crack is


def test_all_tiles_of_an_image_share_a_group(tmp_path: Path) -> None:
    """Neighbouring tiles show the same concrete, so no rule may separate them."""
    make_masked(tmp_path, "slide1", crack_px=2000)
    make_masked(tmp_path, "slide12")
    by_image = load_examples([tmp_path], tile_px=32)
    assert len(set(groups(by_image))) == 2
    assert len({(example.source, example.group) for example in by_image.examples}) == 2
    in_blocks = load_examples([tmp_path], tile_px=32, block=3, block_gap=1)
    assert groups(in_blocks) == groups(by_image)


def test_images_without_a_fitting_mask_are_named(tmp_path: Path) -> None:
    """A missing, broken or differently sized mask excludes its image, and the run goes on."""
    for name in ("good", "alone", "broken", "smaller"):
        make_masked(tmp_path, name, crack_px=2000)
    (tmp_path / "masks" / "alone.png").unlink()
    (tmp_path / "masks" / "broken.png").write_bytes(b"no picture")
    Image.new("L", (32, 64)).save(tmp_path / "masks" / "smaller.png")
    data = load_examples([tmp_path], tile_px=32)
    assert {example.source for example in data.examples} == {"images/good.png"}
    without, unusable = data.problems
    assert (without.count, without.names) == (1, (f"{tmp_path.name}/images/alone.png",))
    assert unusable.count == 2
    assert unusable.names[1] == f"{tmp_path.name}/images/smaller.png (64 x 64 px, its mask 32 x 64)"


def test_sdnet_names_tell_the_source_photo(tmp_path: Path) -> None:
    """Tiles of photo 7001 share a group, cracked or not; wall photo 7001 is another photo."""
    root = place_files(
        tmp_path / "s", "D/CD/7001-1.jpg", "D/UD/7001-22.jpg", "W/CW/7001-1.jpg", "D/UD/x-1.jpg"
    )
    assert sorted(groups(load_examples([root]))) == ["s/D/UD/x-1.jpg", "s/D7001", "s/D7001", "s/W7001"]


def test_blocks_are_contiguous_within_a_class_and_leave_gaps(tmp_path: Path) -> None:
    """The end of a block is left out, as the next block may show the same; the last block stays whole."""
    names = [f"{folder}/{n}.jpg" for folder in ("crack", "no-crack") for n in range(1, 11)]
    data = load_examples([place_files(tmp_path / "s", *names)], block=4, block_gap=1)
    cracks = {example.source: example.group for example in data.examples if example.label}
    assert "crack/4.jpg" not in cracks
    assert "crack/8.jpg" not in cracks
    assert [cracks[f"crack/{n}.jpg"] for n in (1, 3, 5, 9, 10)] == [
        "s/crack 1-4",
        "s/crack 1-4",
        "s/crack 5-8",
        "s/crack 9-10",
        "s/crack 9-10",
    ]
    assert str(data.problems[0]).startswith("Images in the gaps between blocks, left out: 4 (s/crack/4.jpg,")


@pytest.mark.parametrize(("block", "gap"), [(10, 10), (10, -1), (0, 0), (None, 5)])
def test_gap_that_leaves_nothing_is_an_error(tmp_path: Path, block: int | None, gap: int) -> None:
    """A block must be larger than its gap, and a gap needs blocks."""
    place_files(tmp_path, "crack/1.jpg", "no-crack/1.jpg")
    with pytest.raises(BadData, match=r"^--block"):
        load_examples([tmp_path], block=block, block_gap=gap)


def test_group_by_expression_takes_its_first_group_or_all_of_the_match(tmp_path: Path) -> None:
    """Where the expression matches nothing, the next rule decides."""
    place_files(tmp_path, "crack/pier3_1.jpg", "no-crack/pier3_9.jpg", "no-crack/wall.jpg")
    expected = [f"{tmp_path.name}/no-crack/wall.jpg"]
    assert groups(load_examples([tmp_path], group_by=r"pier(\d+)")) == ["3", "3", *expected]
    assert groups(load_examples([tmp_path], group_by=r"pier\d+")) == ["pier3", "pier3", *expected]


def test_group_by_run_takes_numbers_in_a_row(tmp_path: Path) -> None:
    """slide100 to slide119 are one run of 20, in any class, but not in another folder."""
    names = (
        "crack/a/slide100.jpg",
        "no-crack/a/slide119.jpg",
        "crack/a/slide120.jpg",
        "crack/b/slide101.jpg",
    )
    root = place_files(tmp_path / "s", *names)
    group_of = {
        example.source: example.group for example in load_examples([root], group_by="run:20").examples
    }
    assert [group_of[name] for name in names] == [
        "s/a/slide100-119",
        "s/a/slide100-119",
        "s/a/slide120-139",
        "s/b/slide100-119",
    ]


def test_group_by_a_column_of_the_manifest(tmp_path: Path) -> None:
    """A column named in any case has priority over the column group; where it is empty, group decides."""
    text = "path,label,group,Bridge\na.jpg,1,x,north\nb.jpg,0,x,south\nc.jpg,0,y,\n"
    manifest = write_manifest(tmp_path / "labels.csv", text)
    assert groups(load_examples([manifest], group_by="Bridge")) == ["north", "south", "y"]


def test_group_by_can_be_for_one_of_several_datasets(tmp_path: Path) -> None:
    """`uav=run:10` groups the dataset uav; the others keep their own rules."""
    for name in ("uav", "metu"):
        place_files(tmp_path / name, "crack/1.jpg", "no-crack/2.jpg")
    data = load_examples([tmp_path / "uav", tmp_path / "metu"], group_by="uav=run:10")
    assert groups(data) == ["uav/0-9", "uav/0-9", "metu/crack/1.jpg", "metu/no-crack/2.jpg"]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("bridge(", "--group-by 'bridge(': not a column of the CSV, run:N or a regular expression"),
        ("uva=run:10", "--group-by 'uva=run:10': the rule covers no image; sources look like 'crack/1.jpg'."),
    ],
)
def test_group_by_that_is_mistyped_is_an_error(tmp_path: Path, rule: str, sentence: str) -> None:
    """With a rule that is broken or covers nothing, the split would leak silently."""
    place_files(tmp_path, "crack/1.jpg", "no-crack/2.jpg")
    with pytest.raises(BadData) as error:
        load_examples([tmp_path], group_by=rule)
    assert str(error.value).startswith(sentence)


def test_corrected_labels_are_given_beside_the_datasets_that_they_correct(tmp_path: Path) -> None:
    """Their CSV is for the datasets that it names; labels that change are reported, equal ones are not."""
    place_files(tmp_path / "bridge", "Positive/1.jpg", "Positive/2.jpg", "Negative/1.jpg", "Negative/2.jpg")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(
        "Data;Source;Label\nbridge;Negative/2.jpg;crack\nbridge;Positive/1.jpg;crack\ndam;1.jpg;crack\n"
    )
    data = load_examples([corrected, tmp_path / "bridge"])
    assert labels(data) == {
        "Negative/1.jpg": False,
        "Negative/2.jpg": True,
        "Positive/1.jpg": True,
        "Positive/2.jpg": True,
    }
    assert [str(problem) for problem in data.problems] == [
        "Labels corrected by corrected.csv: 1 (bridge/Negative/2.jpg).",
        "Labels in corrected.csv of datasets that are not given, ignored: 1 (dam/1.jpg).",
    ]


def test_corrected_labels_do_not_change_blocks(tmp_path: Path) -> None:
    """A corrected image stays in the block of the folder that it lies in."""
    place_files(tmp_path / "bridge", *(f"{folder}/{n}.jpg" for folder in ("crack", "intact") for n in "1234"))
    corrected = tmp_path / "corrected.csv"
    corrected.write_text("data,source,label\nbridge,intact/2.jpg,1\n")
    before, after = (load_examples([tmp_path / "bridge", *more], block=2) for more in ([], [corrected]))
    assert groups(after) == groups(before)
    assert sum(example.label for example in after.examples) == 5


def test_doubtful_images_are_left_out_and_reported(tmp_path: Path) -> None:
    """An image or tile with the label leave-out is not used; the blocks of the others stay the same."""
    place_files(tmp_path / "bridge", *(f"{folder}/{n}.jpg" for folder in ("crack", "intact") for n in "1234"))
    corrected = tmp_path / "corrected.csv"
    corrected.write_text("data,source,label\nbridge,intact/1.jpg,Leave-out\n")
    before, after = (load_examples([tmp_path / "bridge", *more], block=2) for more in ([], [corrected]))
    assert set(labels(before)) - set(labels(after)) == {"intact/1.jpg"}
    by_source = {example.source: example.group for example in before.examples}
    assert groups(after) == [by_source[example.source] for example in after.examples]
    assert [str(problem) for problem in after.problems] == [
        "Images left out by corrected.csv: 1 (bridge/intact/1.jpg)."
    ]


def test_doubtful_tile_is_left_out_alone(tmp_path: Path) -> None:
    """The other tiles of its image stay."""
    make_masked(tmp_path / "slides", "long", crack_px=64 * 20)
    corrected = tmp_path / "corrected.csv"
    corrected.write_text("data,source,col,row,label\nslides,images/long.png,32,0,leave-out\n")
    data = load_examples([tmp_path / "slides", corrected], tile_px=32)
    assert [example.window.col for example in data.examples if example.window] == [0, 0, 32]


def test_corrected_labels_name_tiles_by_their_corner(tmp_path: Path) -> None:
    """Each tile of an image with a mask has its own label."""
    make_masked(tmp_path / "slides", "long", crack_px=64 * 20)
    corrected = tmp_path / "corrected.csv"
    corrected.write_text("data,source,col,row,label\nslides,images/long.png,32,0,no-crack\n")
    data = load_examples([tmp_path / "slides", corrected], tile_px=32)
    assert [example.label for example in data.examples] == [True, False, False, False]


def test_corrected_label_of_a_whole_image_may_name_a_tile(tmp_path: Path) -> None:
    """`predictions.csv` has the corner of the tile that decided; the label is that of the whole image."""
    place_files(tmp_path / "bridge", "crack/1.jpg", "crack/2.jpg", "intact/1.jpg")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text("data,source,col,row,label\nbridge,crack/1.jpg,448,224,no-crack\n")
    assert labels(load_examples([tmp_path / "bridge", corrected]))["crack/1.jpg"] is False
    corrected.write_text(f"{corrected.read_text()}bridge,crack/1.jpg,0,0,crack\n")
    with pytest.raises(BadData, match=r"line 3: another label than in corrected\.csv, line 2;"):
        load_examples([tmp_path / "bridge", corrected])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            "bridge,crack/1.jpg,perhaps\n",
            "corrected.csv, line 2: label 'perhaps'; use crack, no-crack or leave-out.",
        ),
        ("bridge,crack/1.jpg,\n", "corrected.csv, line 2: label ''; use crack, no-crack or leave-out."),
        ("bridge,crack/9.jpg,crack\n", "corrected.csv, line 2: bridge has no image crack/9.jpg, or has it"),
        ("dam,crack/1.jpg,crack\n", "corrected.csv: it has labels of dam, but no given dataset has this"),
        (
            "bridge,crack/1.jpg,0\nbridge,crack/1.jpg,1\n",
            "corrected.csv, line 3: another label than in corrected.csv, line 2; remove one of them.",
        ),
    ],
)
def test_corrected_labels_that_match_nothing_are_an_error(tmp_path: Path, rows: str, sentence: str) -> None:
    """With a mistyped name, the wrong label would stay."""
    place_files(tmp_path / "bridge", "crack/1.jpg", "intact/1.jpg")
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(f"data,source,label\n{rows}")
    with pytest.raises(BadData) as error:
        load_examples([tmp_path / "bridge", corrected])
    assert str(error.value).startswith(sentence)
