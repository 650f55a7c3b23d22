"""The line head in a model folder: its file, in int8 if that changes little, and its figures on the card."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import CrackscanError
from crackscan.basics.progress import Progress
from crackscan.basics.records import RowOptions
from crackscan.dataset.masks import MaskedPhoto, masked_photos
from crackscan.evaluation.drawn_lines import MAX_TILES, drawn_as_json, measure_drawn
from crackscan.evaluation.lines import LineEvaluation, TracedPhoto, evaluate_lines, trace_photos
from crackscan.model.card import LINES_FILE
from crackscan.model.card_records import LineRecord
from crackscan.model.line_network import export_line_network
from crackscan.model.loading import Model
from crackscan.training.lines.head import Fitted
from crackscan.training.lines.options import LineRun
from crackscan.training.lines.samples import SAMPLE_PX
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.int8 import quantise
from crackscan.training.model_folder.readme_lines import LINE_PICTURES

THRESHOLD_RULE = "the highest F1 of the lines on the photos with masks of the validation split"
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 20))  # of a crack's probability
QUANTISED_WITH = 480  # samples that give the ranges of int8; with 160 it loses twice as much
MAX_INT8_LOSS = 0.01  # of F1 on the validation photos; with more, the file stays float
JUDGED = ("validation", "test")  # splits


@dataclass(frozen=True, slots=True)
class Publication:
    """A fitted line head on its way into a folder that is being changed."""

    folder: ModelFolder
    fitted: Fitted
    run: LineRun
    progress: Progress

    def publish(self, *, left_out: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Write lines.tflite, choose the threshold, and measure the lines for the card.

        left_out: for the card, the metrics of heads that were trained without a dataset.
        """
        content, traced = self.begin()
        self._quantise(content, traced)
        evaluations = {split: self.evaluate(self._photos(split)) for split in JUDGED if self._photos(split)}
        self._set(metrics=_as_metrics(evaluations), left_out=left_out)
        self._measure_drawn()

    def begin(self) -> tuple[bytes, list[TracedPhoto]]:
        """Write the float file, choose the threshold; return the file and the traced validation photos."""
        content = export_line_network(self.fitted.network, default_px=SAMPLE_PX)
        self._put(content, self._describe())
        traced = self._trace(self._photos("validation"))
        self._set(threshold=choose_threshold(traced))
        return content, traced

    def evaluate(self, photos: Sequence[MaskedPhoto]) -> LineEvaluation:
        """Trace photos by the folder's line head, and measure the lines at the card's threshold."""
        return evaluate_lines(self._trace(photos), _options(self._record.threshold))

    def _trace(self, photos: Sequence[MaskedPhoto]) -> list[TracedPhoto]:
        """Trace photos by the folder's line head, as a scan does."""
        self.folder.save()
        model = Model.load(self.folder.path)
        self.progress.phase("tracing cracks", len(photos))
        options = model.card.scan_options.with_rows(judge_unfamiliar=True)
        traced = trace_photos(
            photos, model.classifier, options=options, jobs=self.run.jobs, advance=self.progress.advance
        )
        return list(traced)

    def _quantise(self, content: bytes, exact: Sequence[TracedPhoto]) -> None:
        """Write the file in int8 if its lines are nearly as good, else leave the float file."""
        try:
            smaller = quantise(content, self._pictures())
        except CrackscanError as error:
            self.progress.note(f"The line head stays float. {error}")
            return
        self._put(smaller, replace(self._record, precision="int8"))
        threshold = self._record.threshold
        loss = measure_f1(exact, threshold) - measure_f1(self._trace(self._photos("validation")), threshold)
        self._set(int8_loss=round(loss, 4))
        if loss > MAX_INT8_LOSS:
            self.progress.note(f"The line head stays float: int8 would lose {loss:.3f} of F1.")
            self._put(content, replace(self._record, precision="float"))

    def _measure_drawn(self) -> None:
        """Put the errors of drawn cracks, and a picture, beside the card."""
        from crackscan.evaluation.line_plots import draw_line_sheet  # needs matplotlib

        self.folder.save()
        examples = self.run.examples
        plain = [example for example in examples if example.split == "test" and not example.label]
        self.progress.phase("tracing drawn cracks", min(len(plain), MAX_TILES))
        classifier = Model.load(self.folder.path, engine="litert").classifier()
        options = _options(self._record.threshold)
        drawn = measure_drawn(plain, classifier, options, advance=self.progress.advance)
        self._set(drawn={"rows": drawn_as_json(drawn)})
        self.folder.write(LINE_PICTURES[0], draw_line_sheet(classifier, options))

    @property
    def _record(self) -> LineRecord:
        record = self.folder.card.lines
        assert record is not None, "publish begins with it"
        return record

    def _set(self, **changes: Any) -> None:
        self.folder.card = replace(self.folder.card, lines=replace(self._record, **changes))

    def _put(self, content: bytes, record: LineRecord) -> None:
        self.folder.write(LINES_FILE, content)
        self.folder.card = replace(self.folder.card, lines=record)

    def _photos(self, split: str) -> list[MaskedPhoto]:
        return [photo for photo in masked_photos(self.run.examples) if photo.split == split]

    def _pictures(self) -> Iterator[Pixels]:
        pixels = self.fitted.training.pixels
        return (pixels[index] for index in range(min(QUANTISED_WITH, len(pixels))))

    def _describe(self) -> LineRecord:
        counts: dict[str, Counter[str]] = {}
        for photo in masked_photos(self.run.examples):
            counts.setdefault(photo.data, Counter())[photo.split or ""] += 1
        return LineRecord(
            threshold=0.5,
            threshold_rule=THRESHOLD_RULE,
            precision="float",
            photos={data: dict(splits) for data, splits in counts.items()},
            metrics={},
            options=asdict(self.run.options),
            command=self.run.command,
            seconds=round(self.fitted.seconds, 1),
        )


def choose_threshold(photos: Sequence[TracedPhoto]) -> float:
    """Choose the threshold of a crack's probability by THRESHOLD_RULE; of equals the lowest."""
    return max(THRESHOLDS, key=lambda threshold: measure_f1(photos, threshold))


def measure_f1(photos: Sequence[TracedPhoto], threshold: float) -> float:
    """Return the F1 of all lines of at least this probability, 0..1."""
    compared = [photo.compare(_options(threshold)) for photo in photos]
    right = sum(photo.right for photo in compared)
    met = sum(photo.met for photo in compared)
    if not right or not met:
        return 0.0
    inverse_precision = sum(photo.traced for photo in compared) / right
    return 2 / (inverse_precision + sum(photo.true for photo in compared) / met)


def _options(threshold: float) -> RowOptions:
    return RowOptions(threshold=0, crack_threshold=threshold)


def _as_metrics(evaluations: dict[str, LineEvaluation]) -> dict[str, dict[str, Any]]:
    metrics: dict[str, dict[str, Any]] = {}
    for split, evaluation in evaluations.items():
        metrics[split] = evaluation.overall.as_json()
        metrics |= {f"{split}, {data}": own.as_json() for data, own in evaluation.by_data.items()}
    return metrics
