"""Text files that users write: lists of paths, tables and positions. All are read here, line by line.

Editors and shells on Windows write UTF-16, or put a byte order mark before UTF-8; spreadsheets separate the
cells of a table by commas, semicolons or tabs.
"""

import codecs
import csv
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

from crackscan.basics.errors import NotText

STDIN = "-"
MAX_LINE = 1_000_000  # characters; what has longer lines is not a list or a table
PIECE = 4096  # characters read at once from a list that is separated by zero bytes
MARKS = (  # UTF-32 first: its mark for little-endian begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DELIMITERS = ",;\t"  # the first one where a header has none
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # for Excel, before the header

Separator = Literal["\n", "\0"]


class Table(NamedTuple):
    """A table at its first row."""

    columns: list[str]  # as written; an empty file has none
    reader: Any  # of the csv module
    skipped: int  # lines before the header, which the reader's line numbers lack

    @property
    def line(self) -> int:
        """The number of the line that was read last, from 1."""
        return int(self.reader.line_num) + self.skipped


@contextmanager
def open_lines(
    path: str | Path,
    *,
    separator: Separator | None = None,
    any_bytes: bool = False,
    name: str | None = None,
) -> Iterator[Iterator[str]]:
    """Open a text file, and give its lines with their ends.

    Args:
        path: of the file; "-" is stdin.
        separator: what ends a line; None is any of LF, CR LF and CR.
        any_bytes: whether UTF-8 may hold other bytes, as names of files do.
        name: of the file in errors; None is its path.

    Raises:
        NotText: the file is not text of a known encoding, or has endless lines; raised by the iterator.
        OSError: the file cannot be read.
    """
    is_stdin = path == STDIN
    binary = sys.stdin.buffer if is_stdin else Path(path).open("rb")  # noqa: SIM115 - closed below
    buffered: Any = binary if isinstance(binary, BufferedReader) else BufferedReader(binary)
    text = TextIOWrapper(
        buffered,
        encoding=_encoding(buffered),
        errors="surrogateescape" if any_bytes else "strict",
        newline="" if separator is None else "\n",
    )
    try:
        yield _checked(text, "stdin" if is_stdin else name or str(path), separator)
    finally:
        text.detach()
        if not is_stdin:
            buffered.close()


def open_table(lines: Iterator[str]) -> Table:
    """Read the header of a table, and find out what separates its cells.

    Raises: csv.Error: the header is not a line of CSV.
    """
    first = next(lines, "")
    named = SEPARATOR_LINE.fullmatch(first)
    header = next(lines, "") if named else first
    delimiter = named[1] if named else max(DELIMITERS, key=header.count)
    reader = csv.reader(chain([header], lines) if header else iter(()), delimiter=delimiter)
    return Table(next(reader, []), reader, 1 if named else 0)


def _encoding(stream: Any) -> str:
    """Return the encoding that the first bytes of a buffered file name."""
    start = stream.peek(4)
    return next((encoding for mark, encoding in MARKS if start.startswith(mark)), "utf-8-sig")


def _checked(text: TextIOWrapper, name: str, separator: Separator | None) -> Iterator[str]:
    """Yield the lines of a text, and turn what is not text into a sentence."""
    number = 0
    try:
        for number, line in enumerate(_split(text) if separator == "\0" else _lines(text), start=1):
            if len(line) >= MAX_LINE:
                raise NotText(
                    f"{name}: line {number} is longer than {MAX_LINE:,} characters; this is not text."
                )
            if "\0" in line[:-1] or (separator != "\0" and line.endswith("\0")):
                raise NotText(
                    f"{name}: line {number} holds a zero byte; save the file as UTF-8, or, if it is a list "
                    "that zero bytes separate, read it with --null."
                )
            yield line
    except UnicodeError as error:
        encoding = text.encoding.upper().removesuffix("-SIG")
        raise NotText(f"{name}: not {encoding} text after line {number}; save it as UTF-8.") from error


def _lines(text: TextIOWrapper) -> Iterable[str]:
    return iter(lambda: text.readline(MAX_LINE), "")


def _split(text: TextIOWrapper) -> Iterator[str]:
    """Yield the parts of a text that zero bytes end."""
    rest = ""
    while piece := text.read(PIECE):
        *parts, rest = (rest + piece).split("\0")
        yield from (f"{part}\0" for part in parts)
        if len(rest) >= MAX_LINE:
            break
    if rest:
        yield rest
