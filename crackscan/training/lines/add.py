"""A line head for a model folder that lacks one, or in place of the one that it has."""

from dataclasses import replace
from typing import Any

from crackscan.basics.progress import Progress
from crackscan.dataset.masks import masked_photos
from crackscan.training.fitting.checkpoint import WorkFolder
from crackscan.training.lines.head import can_have_lines, fit_line_head
from crackscan.training.lines.options import LineRun
from crackscan.training.lines.publish import Publication
from crackscan.training.model_folder.folder import ModelFolder

LEFT_OUT_SHARE = 0.5  # of the steps, for the heads that are trained without a dataset


def add_line_head(folder: ModelFolder, run: LineRun, *, left_out: bool, progress: Progress) -> None:
    """Train a line head, and replace the folder by one that has it, in one step.

    The unfinished training is in the run's work folder; a second call goes on with it.

    Raises:
        BadData: there are no masks of cracks to learn from.
        Unreadable: an image could be read when the data was loaded, but not now.
    """
    fitted = fit_line_head(folder, run, progress=progress)
    with folder.edit() as copy:
        results = _judge_left_out(copy, run, progress) if left_out else None
        Publication(copy, fitted, run, progress).publish(left_out=results)
    WorkFolder(run.work).remove()


def _judge_left_out(folder: ModelFolder, run: LineRun, progress: Progress) -> dict[str, dict[str, Any]]:
    """Return for each dataset with masks how well a head that was trained without it traces its cracks.

    The backbone is the model's own, and may have learned from the dataset.
    """
    photos = masked_photos(run.examples)
    results = {}
    for data in dict.fromkeys(photo.data for photo in photos if photo.cracked):
        others = tuple(example for example in run.examples if example.data != data)
        if not can_have_lines(others):
            progress.note(f"No line head without {data}: no other dataset has masks of cracks.")
            continue
        fitted = fit_line_head(folder, run, left_out=data, share=LEFT_OUT_SHARE, progress=progress)
        trial = Publication(folder, fitted, replace(run, examples=others), progress)
        trial.begin()
        results[data] = trial.evaluate([photo for photo in photos if photo.data == data]).overall.as_json()
    return results
