"""Text files of users, in the encodings and forms that shells, editors and spreadsheets write."""

import codecs
import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import run
from makers import make_photo

from crackscan.basics.errors import BadData, CrackscanError, NotText
from crackscan.basics.text_files import MAX_LINE, open_lines, open_table
from crackscan.dataset.loading import load_examples
from crackscan.geo.pose.geo_file import entries
from crackscan.scanning.sources import Sources

ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 of PowerShell": lambda text: codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le"),
    "UTF-16, big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
}
NAME = "brücke 1.jpg"


@pytest.fixture(params=ENCODINGS)
def encode(request: pytest.FixtureRequest) -> Callable[[str], bytes]:
    """Return what writes a text as some program does."""
    return ENCODINGS[request.param]


def write(path: Path, content: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(content)
    return path


def test_list_is_read_in_any_encoding(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    """The first path of a list is not lost to a byte order mark."""
    path = write(tmp_path / "list.txt", encode(f"{NAME}\n\nb.jpg"))
    assert [file.path for file in Sources((), (str(path),))] == [NAME, "b.jpg"]


def test_list_on_stdin_is_read_in_any_encoding(
    encode: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stdin cannot be read twice to find out its encoding."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(encode(f"{NAME}\nb.jpg\n"))))
    assert [file.path for file in Sources((), ("-",))] == [NAME, "b.jpg"]


def test_geo_files_are_read_in_any_encoding(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    """README's table of exiftool is UTF-16 where Windows PowerShell wrote it."""
    table = write(tmp_path / "t.csv", encode(f"SourceFile,GPSLatitude,GPSLongitude\n{NAME},55.2,15.5\n"))
    geo = write(tmp_path / "geo.txt", encode("EPSG:4326\nbrücke-1.jpg 15.5 55.2\n"))
    assert [(entry.name, entry.pose.lon) for entry in entries(table)] == [(NAME, 15.5)]
    assert [(entry.name, entry.pose.lat) for entry in entries(geo)] == [("brücke-1.jpg", pytest.approx(55.2))]


@pytest.mark.parametrize("first_line", ["", "sep={}\n", '"sep={}"\n', "SEP={}\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_manifest_is_read_as_spreadsheets_write_it(
    tmp_path: Path, encode: Callable[[str], bytes], delimiter: str, first_line: str
) -> None:
    """The cells are separated by what the first line names, else by what the header has most of."""
    make_photo(tmp_path / NAME)
    make_photo(tmp_path / "b.jpg")
    text = f"path,label,group\n{NAME},crack,x\nb.jpg,no-crack,y\n".replace(",", delimiter)
    manifest = write(tmp_path / "m.csv", encode(first_line.format(delimiter) + text))
    data = load_examples([manifest])
    assert [(example.source, example.label) for example in data.examples] == [(NAME, True), ("b.jpg", False)]


def test_errors_in_a_manifest_count_the_line_that_names_the_separator(tmp_path: Path) -> None:
    """The number is that of the file, as an editor shows it."""
    make_photo(tmp_path / "a.jpg")
    manifest = write(tmp_path / "m.csv", b"sep=;\npath;label\na.jpg;maybe\n")
    with pytest.raises(BadData, match=r"m\.csv, line 3: label 'maybe'"):
        load_examples([manifest])


def test_corrections_are_read_in_any_encoding(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    """A copy of predictions.csv that a spreadsheet saved corrects labels."""
    for label in ("Positive", "Negative"):
        (tmp_path / "site" / label).mkdir(parents=True)
        for number in range(2):
            make_photo(tmp_path / "site" / label / f"{number}.jpg")
    text = "data\tsource\tlabel\nsite\tPositive/0.jpg\tno-crack\n"
    corrections = write(tmp_path / "corrected.csv", encode(text))
    data = load_examples([tmp_path / "site", corrections])
    assert [example.label for example in data.examples] == [False, False, False, True]


def test_table_of_exiftool_may_be_separated_by_semicolons(tmp_path: Path) -> None:
    """Excel saves it so in many countries."""
    table = write(tmp_path / "t.csv", b"sep=;\nSourceFile;GPSLatitude;GPSLongitude\na.jpg;55.2;15.5\n")
    assert [(entry.name, entry.pose.lat) for entry in entries(table)] == [("a.jpg", 55.2)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a.jpg\0b.jpg\0", "line 1 holds a zero byte; save the file as UTF-8, or, .* --null"),
        ("a.jpg\n".encode("utf-16-le"), "line 1 holds a zero byte"),
        (b"\xff\xfea\0b\0\n", "not UTF-16 text after line 0; save it as UTF-8"),
        (b"a.jpg\n" + b"x" * (MAX_LINE + 1), "line 2 is longer than 1,000,000 characters"),
    ],
    ids=["zero bytes", "no mark", "half a character", "one long line"],
)
def test_list_that_is_not_text_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """The sentence names the file and the line, and says what to do."""
    path = write(tmp_path / "list.txt", content)
    with pytest.raises(NotText, match=rf"list\.txt: {sentence}"):
        list(Sources((), (str(path),)))


def test_first_line_that_is_long_is_one_short_sentence(tmp_path: Path) -> None:
    """Neither the csv module nor PROJ fails in its own way, and the sentence does not repeat all of it."""
    with pytest.raises(CrackscanError, match="not a coordinate system that PROJ knows") as error:
        list(entries(write(tmp_path / "geo.txt", b"x" * 500_000 + b"\n")))
    assert len(str(error.value)) < 1000


def test_list_separated_by_zero_bytes_may_hold_any_name(tmp_path: Path) -> None:
    """What find -print0 writes: names with line ends, and bytes that are not UTF-8."""
    names = ["two\nlines.jpg", "caf\udce9.jpg", NAME, *(f"{'x' * 200}{number}.jpg" for number in range(50))]
    path = write(tmp_path / "list", b"".join(os.fsencode(name) + b"\0" for name in names))
    assert [file.path for file in Sources((), (str(path),), list_separator="\0")] == names


def test_option_null_reads_a_list_of_find(tmp_path: Path) -> None:
    """The option holds for stdin and for --from-file."""
    photo = make_photo(tmp_path / "two\nlines.jpg")
    listed = write(tmp_path / "list", os.fsencode(photo) + b"\0")
    for done in (
        run("scan", "-0", "-", "-o", "-", stdin=f"{photo}\0"),
        run("scan", "--null", "--from-file", listed, "-o", "-"),
    ):
        assert done.exit_code == 0
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        assert row["status"] == "ok"


def test_list_that_comes_slowly_is_read_as_it_comes() -> None:
    """A line of a pipe is passed on before the next one comes."""
    read, write_end = os.pipe()
    os.write(write_end, b"a.jpg\n")
    with open_lines(f"/dev/fd/{read}") as lines:
        assert next(lines) == "a.jpg\n"
        os.write(write_end, b"b.jpg\n")
        assert next(lines) == "b.jpg\n"
        os.close(write_end)
        assert list(lines) == []
    os.close(read)


def test_old_line_ends_are_line_ends_of_tables(tmp_path: Path) -> None:
    """A carriage return alone ends a line, too."""
    with open_lines(write(tmp_path / "t.csv", b"a,b\r1,2\r")) as lines:
        table = open_table(lines)
        assert (table.columns, list(table.reader)) == (["a", "b"], [["1", "2"]])
