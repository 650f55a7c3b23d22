"""`crackscan evaluate`: how good a model is, on images that it has not learned from."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.basics.records import ScanOptions
from crackscan.commands import (
    UNREADABLE,
    Batch,
    ChosenEngine,
    Jobs,
    ModelName,
    Quiet,
    Threshold,
    sentences,
)
from crackscan.commands.dataset_options import Block, BlockGap, Data, GroupBy, MinCrackPx, Positive
from crackscan.dataset.records import Split

if TYPE_CHECKING:
    from crackscan.dataset.records import LabelledData
    from crackscan.evaluation.evaluate import Evaluation
    from crackscan.model.loading import Model


@sentences()
def evaluate(
    data: Data,
    *,
    model: ModelName = None,
    split: Annotated[
        Split | None,
        typer.Option(
            help="Only the images that the model's split.csv has there. "
            "Without it, all of DATA, none of which the model may have seen."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", file_okay=False, help="Folder for predictions, tables and pictures."),
    ] = None,
    leave_out_seen: Annotated[
        bool, typer.Option("--leave-out-seen", help="Leave out what the model has seen instead of refusing.")
    ] = False,
    onto_card: Annotated[
        bool,
        typer.Option(
            "--onto-card",
            help="Put figures and pictures into the model folder, its card and its README, in place of those "
            "of an earlier evaluation; DATA must be of sources that it was not trained on.",
        ),
    ] = False,
    note: Annotated[
        list[str] | None,
        typer.Option(help="A sentence for the card on where it is good or fails; may be repeated."),
    ] = None,
    positive: Positive = None,
    group_by: GroupBy = None,
    block: Block = None,
    block_gap: BlockGap = 0,
    min_crack_px: MinCrackPx = None,
    threshold: Threshold = None,
    prevalence: Annotated[
        float, typer.Option(min=0, max=1, help="Share of cracked tiles for which misses are counted.")
    ] = 0.05,
    widths: Annotated[
        bool,
        typer.Option(
            "--widths",
            help="Also draw cracks of known widths on the uncracked images, and count how many are found. "
            "They are not real ones: they compare models and show the trend.",
        ),
    ] = False,
    jobs: Jobs = None,
    engine: ChosenEngine = None,
    batch: Batch = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures to stdout, for machines.")] = False,
    quiet: Quiet = False,
) -> None:
    """Prove how well a model finds cracks: the same reader and judge as scan, with known answers."""
    from crackscan.commands.dataset_options import load_labelled
    from crackscan.commands.engine_options import open_model, workers
    from crackscan.evaluation import report
    from crackscan.model.loading import find_model

    _check_usage(note, onto_card=onto_card, changed=bool(split or leave_out_seen or threshold is not None))
    if output is not None:
        report.prepare_folder(output)
    folder = find_model(model)
    opened = open_model(folder, engine=engine, batch=batch, quiet=quiet)
    labelled = load_labelled(
        data,
        positive=positive,
        group_by=None if split else group_by,  # a split has its groups, and no gaps
        block=None if split else block,
        block_gap=0 if split else block_gap,
        min_crack_px=min_crack_px,
    )
    if onto_card:
        _check_card(folder, opened, labelled)
    chosen = _chosen(labelled, folder, opened, split, leave_out_seen=leave_out_seen, jobs=jobs, quiet=quiet)
    own = opened.card.scan_options
    options = replace(
        own,
        threshold=own.threshold if threshold is None else threshold,
        judge_unfamiliar=True,  # what is left out could flatter the figures; the report counts it
    )
    jobs = workers(jobs, opened)
    evaluation = _judge(chosen, opened, options, jobs=jobs, prevalence=prevalence, quiet=quiet)
    if widths:
        evaluation = _with_widths(evaluation, opened, jobs=jobs, quiet=quiet)
    if output is not None:
        report.write_report(evaluation, output)
    if onto_card:
        _put_onto_card(evaluation, folder, note)
    if json:
        typer.echo(report.as_text(evaluation), nl=False)
    if not quiet:
        _show(evaluation, output, card=folder if onto_card else None)
    raise typer.Exit(UNREADABLE if evaluation.not_assessed else 0)


def _check_usage(note: list[str] | None, *, onto_card: bool, changed: bool) -> None:
    if note is not None and not onto_card:
        raise typer.BadParameter("--note goes onto the model's card; add --onto-card.")
    if onto_card and changed:
        raise typer.BadParameter(
            "--onto-card is for all of DATA, none of which the model has seen, at the model's own threshold: "
            "leave out --split, --leave-out-seen and --threshold."
        )


def _check_card(folder: Path, model: "Model", labelled: "LabelledData") -> None:
    from crackscan.training.model_folder.external import check

    check(folder, model.card, labelled)


def _put_onto_card(evaluation: "Evaluation", folder: Path, notes: list[str] | None) -> None:
    from crackscan.training.model_folder.external import put_onto_card

    put_onto_card(evaluation, folder, notes=notes)


def _chosen(
    labelled: "LabelledData",
    folder: Path,
    model: "Model",
    split: Split | None,
    *,
    leave_out_seen: bool,
    jobs: int | None,
    quiet: bool,
) -> "LabelledData":
    """Return what the model may be judged on; say what was left out."""
    from crackscan.commands.console import counting, say
    from crackscan.evaluation import unseen

    known, input_px = unseen.read_split(folder, model.card), model.card.input_px
    with counting("comparing with what the model has seen", len(labelled.examples), quiet=quiet) as on_done:
        if split is not None:
            chosen = unseen.select_split(
                labelled, known, split, input_px=input_px, jobs=jobs, on_done=on_done
            )
        else:
            chosen = unseen.select_unseen(
                labelled, known, leave_out=leave_out_seen, input_px=input_px, jobs=jobs, on_done=on_done
            )
    if not quiet:
        for problem in chosen.problems:
            say(str(problem))
    return chosen


def _judge(
    chosen: "LabelledData", model: "Model", options: ScanOptions, *, jobs: int, prevalence: float, quiet: bool
) -> "Evaluation":
    from crackscan.commands import console
    from crackscan.evaluation import evaluate

    with console.scan_progress(len(chosen.examples), quiet=quiet) as meter:
        return evaluate.evaluate(
            chosen,
            model.classifier,
            options=options,
            jobs=jobs,
            prevalence=prevalence,
            advance=meter.advance,
        )


def _with_widths(evaluation: "Evaluation", model: "Model", *, jobs: int, quiet: bool) -> "Evaluation":
    from crackscan.commands.console import counting
    from crackscan.evaluation.widths import count_tiles, measure_widths

    with counting("drawing cracks on uncracked tiles", count_tiles(evaluation), quiet=quiet) as on_done:
        return replace(
            evaluation, widths=measure_widths(evaluation, model.classifier, jobs=jobs, on_done=on_done)
        )


def _show(evaluation: "Evaluation", output: Path | None, *, card: Path | None) -> None:
    from crackscan.commands import console
    from crackscan.evaluation.tables import tables

    for table in tables(evaluation):
        console.show_table(table.title, table.headings, table.rows)
    if output is not None:
        console.say(f"Predictions, tables and pictures are in {output}.")
    if card is not None:
        console.say(f"The model's card has them, too: read {card / 'README.md'}.")
