"""`crackscan evaluate`: measure how well a model finds cracks in labelled images that it has not seen."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.commands.dataset_options import Block, BlockGap, Data, GroupBy, MinCrackPx, Positive
from crackscan.commands.exits import UNREADABLE, stoppable, user_errors
from crackscan.commands.memory import check_memory_limit
from crackscan.commands.options import (
    DETECTION,
    OUTPUT,
    Batch,
    ChosenEngine,
    Jobs,
    ModelName,
    Quiet,
    Threshold,
)
from crackscan.dataset.records import Split

if TYPE_CHECKING:
    from crackscan.basics.records import ScanOptions
    from crackscan.commands.console import ConsoleProgress
    from crackscan.dataset.records import LabelledData
    from crackscan.evaluation.evaluate import Evaluation
    from crackscan.model.loading import Model

DATASETS, SPLIT_PANEL, CARD = "Datasets", "Split", "Model card"  # panels of --help


@user_errors()
@stoppable()
def evaluate(
    data: Data,
    *,
    positive: Positive = None,
    min_crack_px: MinCrackPx = None,
    leave_out_seen: Annotated[
        bool,
        typer.Option(
            "--leave-out-seen",
            help="Leave out images that the model has seen, instead of stopping with an error.",
            rich_help_panel=DATASETS,
        ),
    ] = False,
    split: Annotated[
        Split | None,
        typer.Option(
            help="Use only the images of this split in the model's split.csv. Without this option all images "
            "are used, and the model must not have seen any of them.",
            rich_help_panel=SPLIT_PANEL,
        ),
    ] = None,
    group_by: GroupBy = None,
    block: Block = None,
    block_gap: BlockGap = 0,
    model: ModelName = None,
    threshold: Threshold = None,
    prevalence: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Predict misses and false alarms for a structure where this share of tiles is cracked.",
            rich_help_panel=DETECTION,
        ),
    ] = 0.05,
    widths: Annotated[
        bool,
        typer.Option(
            "--widths",
            help="Also draw synthetic cracks of known widths on the uncracked images, and count how many are "
            "found. Use this to compare models; real cracks are harder to find.",
            rich_help_panel=DETECTION,
        ),
    ] = False,
    engine: ChosenEngine = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            file_okay=False,
            help="Write predictions, tables and pictures to this folder.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print all figures to stdout as JSON, for other programs.", rich_help_panel=OUTPUT
        ),
    ] = False,
    onto_card: Annotated[
        bool,
        typer.Option(
            "--onto-card",
            help="Write figures and pictures to the model's card and README, and replace those of an earlier "
            "evaluation. The model must not be trained on any of the datasets.",
            rich_help_panel=CARD,
        ),
    ] = False,
    note: Annotated[
        list[str] | None,
        typer.Option(
            help="Add a sentence to the card that says where the model is good or fails. The option may be "
            "repeated.",
            rich_help_panel=CARD,
        ),
    ] = None,
    jobs: Jobs = None,
    batch: Batch = None,
    quiet: Quiet = False,
) -> None:
    """Measure how well a model finds cracks in labelled images. They are read and judged as in a scan."""
    from crackscan.commands.console import ConsoleProgress
    from crackscan.commands.dataset_options import load_labelled
    from crackscan.commands.engine_options import open_model
    from crackscan.commands.output_options import check_report_files
    from crackscan.evaluation import report
    from crackscan.model.loading import find_model
    from crackscan.scanning.workers import workers

    check_memory_limit()
    _check_usage(
        note, json=json, onto_card=onto_card, changed=bool(split or leave_out_seen or threshold is not None)
    )
    if output is not None:
        report.prepare_folder(output)
    folder = find_model(model)
    with ConsoleProgress(quiet=quiet) as progress:
        opened = open_model(folder, engine=engine, batch=batch, progress=progress)
        labelled = load_labelled(
            data,
            positive=positive,
            group_by=None if split else group_by,  # a split has its own groups, and no gaps
            block=None if split else block,
            block_gap=0 if split else block_gap,
            min_crack_px=min_crack_px,
        )
        if output is not None:
            check_report_files(output, [*data, *labelled.files])
        if onto_card:
            _check_card(folder, opened, labelled)
        run = EvaluationRun(folder, opened, jobs, progress)
        chosen = run.choose_examples(labelled, split, leave_out_seen=leave_out_seen)
        options = opened.card.scan_options.with_rows(
            threshold=opened.card.threshold if threshold is None else threshold,
            judge_unfamiliar=True,  # leaving these out could flatter the figures; the report counts them
        )
        run = replace(run, jobs=workers(jobs, opened))
        evaluation = run.judge(chosen, options, prevalence)
        if widths:
            evaluation = run.measure_widths(evaluation)
        if opened.card.has_lines:
            evaluation = run.trace_lines(evaluation, chosen, drawn=widths)
    if output is not None:
        report.write_report(evaluation, output)
    if onto_card:
        _put_onto_card(evaluation, folder, note)
    if json:
        typer.echo(report.as_text(evaluation), nl=False)
    if not quiet:
        _show(evaluation, output, card=folder if onto_card else None)
    raise typer.Exit(UNREADABLE if evaluation.not_assessed else 0)


def _check_usage(note: list[str] | None, *, json: bool, onto_card: bool, changed: bool) -> None:
    if json and sys.stdout is None:
        raise typer.BadParameter("--json: standard output is closed; write the figures to a folder with -o.")
    if note is not None and not onto_card:
        raise typer.BadParameter("--note adds to the model's card; use it with --onto-card.")
    if onto_card and changed:
        raise typer.BadParameter(
            "--onto-card needs all images, at the model's own threshold: "
            "leave out --split, --leave-out-seen and --threshold."
        )


def _check_card(folder: Path, model: "Model", labelled: "LabelledData") -> None:
    from crackscan.training.model_folder.external import check

    check(folder, model.card, labelled)


def _put_onto_card(evaluation: "Evaluation", folder: Path, notes: list[str] | None) -> None:
    from crackscan.training.model_folder.external import put_onto_card

    put_onto_card(evaluation, folder, notes=notes)


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """The model of an evaluation, its threads, and the console that shows the progress."""

    folder: Path
    model: "Model"
    jobs: int | None
    progress: "ConsoleProgress"

    def choose_examples(
        self, labelled: "LabelledData", split: Split | None, *, leave_out_seen: bool
    ) -> "LabelledData":
        """Return the images that the model may be judged on; say what was left out."""
        from crackscan.evaluation import unseen

        card = self.model.card
        known = unseen.read_split(self.folder, card)
        self.progress.phase("comparing with the images that the model has seen", len(labelled.examples))
        if split is not None:
            chosen = unseen.select_split(
                labelled,
                known,
                split,
                input_px=card.input_px,
                jobs=self.jobs,
                on_done=self.progress.advance,
            )
        else:
            chosen = unseen.select_unseen(
                labelled,
                known,
                leave_out=leave_out_seen,
                input_px=card.input_px,
                jobs=self.jobs,
                on_done=self.progress.advance,
            )
        for problem in chosen.problems:
            self.progress.note(str(problem))
        return chosen

    def judge(self, chosen: "LabelledData", options: "ScanOptions", prevalence: float) -> "Evaluation":
        """Judge the images and measure the results."""
        from crackscan.evaluation import evaluate

        self.progress.phase("judging", len(chosen.examples))
        tiles = 0

        def advance(works: int, more_tiles: int) -> None:
            nonlocal tiles
            tiles += more_tiles
            self.progress.advance(works, tiles=tiles)

        return evaluate.evaluate(
            chosen,
            self.model.classifier,
            options=options,
            jobs=self.jobs or 1,
            prevalence=prevalence,
            advance=advance,
        )

    def measure_widths(self, evaluation: "Evaluation") -> "Evaluation":
        """Add the recall by crack width, measured on synthetic cracks."""
        from crackscan.evaluation.widths import count_tiles, measure_widths

        self.progress.phase("drawing cracks on uncracked tiles", count_tiles(evaluation))
        widths = measure_widths(
            evaluation, self.model.classifier, jobs=self.jobs or 1, on_done=self.progress.advance
        )
        return replace(evaluation, widths=widths)

    def trace_lines(self, evaluation: "Evaluation", chosen: "LabelledData", *, drawn: bool) -> "Evaluation":
        """Add how well cracks are traced on the photos with masks, and on drawn cracks."""
        from crackscan.dataset.masks import masked_photos
        from crackscan.evaluation.drawn_lines import MAX_TILES, measure_drawn
        from crackscan.evaluation.lines import evaluate_lines, trace_photos

        photos, rows, load = masked_photos(chosen.examples), evaluation.options.rows, self.model.classifier
        if not photos and not drawn:
            return evaluation
        self.progress.phase("tracing cracks", len(photos))
        lines = evaluate_lines(
            trace_photos(
                photos, load, options=evaluation.options, jobs=self.jobs or 1, advance=self.progress.advance
            ),
            rows,
        )
        if drawn:
            self.progress.phase("tracing drawn cracks", MAX_TILES)
            plain = [example for example in chosen.examples if not example.label]
            lines = replace(lines, drawn=measure_drawn(plain, load(), rows, advance=self.progress.advance))
        return replace(evaluation, lines=lines)


def _show(evaluation: "Evaluation", output: Path | None, *, card: Path | None) -> None:
    from crackscan.commands import console
    from crackscan.evaluation.tables import tables

    for table in tables(evaluation):
        console.show_table(table.title, table.headings, table.rows)
    if output is not None:
        console.say(f"Predictions, tables and pictures are in {output}.")
    if card is not None:
        console.say(f"The figures are on the model's card as well: read {card / 'README.md'}.")
