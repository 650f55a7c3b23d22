"""Option types for the output, and the files that they name."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from crackscan.commands.options import OUTPUT
from crackscan.scanning.parts import Part
from crackscan.sinks import Format, choose_format, is_stream
from crackscan.sinks.uploads import check_object, local_target

Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the rows to this file: .csv, .geojson, .geojsonl, .gpkg, .parquet, .tif for a heatmap, "
        "or .html for a report; - is stdout. The option may be repeated.",
        rich_help_panel=OUTPUT,
    ),
]
ChosenFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="Write the output in this format.",
        show_default="by its ending",
        rich_help_panel=OUTPUT,
    ),
]


def parse_targets(outputs: list[str] | None, chosen: Format | None) -> dict[Path, Format]:
    """Return the files to write, with the format of each.

    Raises:
        BadParameter: there are several outputs, and one is a stream or the format is chosen.
        CrackscanError: an address cannot be that of an output.
    """
    for output in outputs or []:
        check_object(output)
    files = map(local_target, outputs or [])  # an output in a bucket is written here first
    targets = {file: choose_format(file, chosen) for file in files}
    if len(targets) > 1 and chosen is not None:
        raise typer.BadParameter("--format needs a single -o; with several, their endings tell the formats.")
    if len(targets) > 1 and any(map(is_stream, targets)):
        raise typer.BadParameter("a stream, such as -o -, must be the only output.")
    return targets


def check_written(
    targets: dict[Path, Format],
    journal: Path | None,
    *,
    read: Iterable[str | Path],
    model: str | None,
    reads_stdin: bool = False,
) -> None:
    """Make sure that neither an output nor the journal is another one of them, or a file that the run reads.

    The files of folders are checked when the scan lists them.

    Args:
        targets: the outputs.
        journal: its path, if there is one.
        read: the files and folders that the user named.
        model: the name of the model, or its folder.
        reads_stdin: whether the run reads standard input, which may come from a file.

    Raises: OutputConflict: one of them is.
    """
    from crackscan.model.card import MODEL_FILES
    from crackscan.model.loading import find_model
    from crackscan.scanning.journal_file import journal_files
    from crackscan.scanning.written_files import WrittenFiles

    written = WrittenFiles([*targets, *journal_files(journal)])
    folder = find_model(model)
    for path in (*read, *(folder / name for name in MODEL_FILES)):
        written.check(path)
    if reads_stdin:
        written.check(0)


def journal_path(targets: dict[Path, Format], chosen: Path | None, part: Part | None = None) -> Path | None:
    """Return the path of the journal: the chosen one, or beside the first file; None for a stream.

    Raises: BadParameter: the output is a stream, and a journal or a part is chosen; or nothing names the
        journal of a part.
    """
    first = next(iter(targets), None)
    if first is not None and is_stream(first):
        if chosen is not None or part is not None:
            option = "--journal" if part is None else "--part"
            raise typer.BadParameter(f"{option} needs a file output: a scan to a stream cannot be resumed.")
        return None
    if part is not None and chosen is None and first is None:
        raise typer.BadParameter("--part keeps its rows in a journal: name the output of all parts with -o.")
    ending = f".part-{part.number}-of-{part.count}" if part else ""
    return chosen or (first and Path(f"{first}{ending}.journal"))


def check_report_files(folder: Path, read: list[Path | str]) -> None:
    """Raise OutputConflict where a file of the report would replace a file that this evaluation reads."""
    from crackscan.evaluation.report import REPORT_FILES
    from crackscan.scanning.written_files import WrittenFiles

    written = WrittenFiles(folder / name for name in REPORT_FILES if (folder / name).exists())
    for path in read:
        written.check(path)
