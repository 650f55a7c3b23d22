"""Checkpoints on disk: a training can be resumed, and is never mistaken for another one."""

from pathlib import Path
from typing import Any

import pytest

from crackscan.basics.errors import CrackscanError
from crackscan.training.fitting.checkpoint import State, WorkFolder

RUN = {"data": "abc", "batch": 32, "recipe": {"contrast": (0.6, 1.4)}}


class Weights:
    """Stands in for a network whose weights are a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def save_weights(self, path: Path) -> None:
        """Write the text."""
        path.write_text(self.text)


def open_work(path: Path, run: dict[str, Any] | None = None, **how: bool) -> WorkFolder:
    """Open the folder as a training does."""
    return WorkFolder.open(path, run or RUN, **({"resume": False, "force": False} | how))


def test_state_and_weights_come_back(tmp_path: Path) -> None:
    """After a restart the state is what was saved last, with its weights and the best ones."""
    work = open_work(tmp_path / "m.work")
    work.save_best(Weights("average"))
    work.save(Weights("first"), State(validations=1, best_loss=0.5, history=[{"check": 1}]))
    work.save(Weights("second"), State(validations=2, best_loss=0.5, waited=1))
    again = open_work(tmp_path / "m.work", resume=True)
    state = again.state()
    assert state == State(validations=2, best_loss=0.5, waited=1)
    assert again.latest(2).read_text() == "second"
    assert again.best.read_text() == "average"
    assert not again.latest(1).exists()


def test_kill_while_saving_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    """If weights cannot be written whole, the state still names those of the checkpoint before."""
    work = open_work(tmp_path / "m.work")
    work.save_best(Weights("first"))
    work.save(Weights("first"), State(validations=1))

    class Killed(Weights):
        def save_weights(self, path: Path) -> None:
            path.write_text("hal")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.save_best(Killed("half"))
    with pytest.raises(KeyboardInterrupt):
        work.save(Killed("half"), State(validations=2))
    state = open_work(tmp_path / "m.work", resume=True).state()
    assert state is not None
    assert work.latest(state.validations).read_text() == work.best.read_text() == "first"


def test_unfinished_training_is_not_overwritten(tmp_path: Path) -> None:
    """Without --resume or --force the error names both."""
    open_work(tmp_path / "m.work")
    with pytest.raises(CrackscanError, match="continue it with --resume, or start again with --force"):
        open_work(tmp_path / "m.work")


def test_force_starts_again(tmp_path: Path) -> None:
    """The unfinished training is removed."""
    open_work(tmp_path / "m.work").save(Weights("old"), State(validations=1))
    assert open_work(tmp_path / "m.work", force=True).state() is None


def test_resume_removes_files_that_were_not_whole(tmp_path: Path) -> None:
    """Each kill while tiles are decoded leaves a large file, which would fill the disk in the end."""
    open_work(tmp_path / "m.work")
    (tmp_path / "m.work" / ".tiles.123.npy").write_bytes(b"half")
    work = open_work(tmp_path / "m.work", resume=True)
    assert [path.name for path in work.path.iterdir()] == ["run.json"]


def test_resume_without_an_unfinished_training_starts_one(tmp_path: Path) -> None:
    """A script may always say --resume."""
    assert open_work(tmp_path / "m.work", resume=True).state() is None


@pytest.mark.parametrize("changed", [{"batch": 16}, {"data": "def"}, {"recipe": None}])
def test_resume_of_another_training_names_the_difference(tmp_path: Path, changed: dict[str, Any]) -> None:
    """A run with other data or options is not continued; the sentence says what differs, and how."""
    open_work(tmp_path / "m.work")
    ((name, value),) = changed.items()
    with pytest.raises(CrackscanError, match=f"because {name} differs: it was .*, now it is {value}"):
        open_work(tmp_path / "m.work", RUN | changed, resume=True)
