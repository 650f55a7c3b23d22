"""Scans on a Ray cluster: its nodes may come, die and differ, and the files are those of one machine."""

import math
import re
import signal
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from commands import run
from conftest import ROOT
from makers import DarkMeansCrack, make_mosaic, make_photo, pixels, scan_options
from PIL import Image

from crackscan import __version__
from crackscan.basics.errors import CrackscanError, Stopped
from crackscan.basics.records import Result, Work
from crackscan.reading.remote.clients import open_store
from crackscan.scanning.cluster.connection import connected
from crackscan.scanning.cluster.crew import Crew, Job, Node, NodeWorker
from crackscan.scanning.cluster.model_files import ModelFiles
from crackscan.scanning.cluster.runner import TRIES, ClusterRunner
from crackscan.scanning.cluster.worker import Worker, find_unreached
from crackscan.scanning.journal_file import read_journal

PHOTOS = 40
OPTIONS = scan_options()


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Return a folder with 40 photos and a mosaic."""
    for number in range(PHOTOS):
        make_photo(tmp_path / "survey" / f"{number}.png", width=64, height=64, crack=number % 3 == 0)
    make_mosaic(tmp_path / "survey" / "deck.tif", width=448, height=4 * 224)
    return tmp_path / "survey"


# without Ray: who judges what when workers die


class RayError(Exception):
    """Stands for Ray's errors."""


class Raised(RayError):
    """Stands for Ray's errors that carry another one."""


class Died(RayError):
    """Stands for Ray's error of a worker that has died."""


class NoMemory(RayError):
    """Stands for Ray's error of a worker that it ended."""


class FakeRay:
    """Stands for Ray: answers are there at once."""

    exceptions = SimpleNamespace(
        RayError=RayError, RayTaskError=Raised, ActorDiedError=Died, OutOfMemoryError=NoMemory
    )

    def __init__(self) -> None:
        self.answers: dict[int, Any] = {}

    def wait(self, answers: list[int], **_: object) -> tuple[list[int], list[int]]:
        """Return the latest answer alone, so that results come in another order."""
        return answers[-1:], answers[:-1]

    def get(self, answer: int) -> Any:
        """Return an answer, or raise it."""
        result = self.answers.pop(answer)
        if isinstance(result, Exception):
            raise result
        return result


class FakeCrew:
    """Two workers, of which one dies at each photo whose name is in `deadly`, the first `deaths` times."""

    starting: dict[int, Any] = {}  # noqa: RUF012 - stays empty
    node_count = 1

    def __init__(self, ray: FakeRay, deadly: set[str], *, deaths: float = math.inf) -> None:
        self.ray, self.deadly, self.deaths = ray, deadly, deaths
        self.node_dies = False
        self.node = Node("1", "b", None, 2, 1, gpu=False)
        self.members = [NodeWorker(self.node, None) for _ in range(2)]
        self.numbers, self.most_in_flight, self.judged = count(), 0, []

    def refresh(self) -> None:
        """Look at no node."""

    def free_worker(self, *, alone: bool) -> NodeWorker | None:
        """Return a worker, as the crew does."""
        worker = min(self.members, key=lambda each: each.busy)
        return worker if worker.busy < (1 if alone else worker.slots) else None

    def judge(self, worker: NodeWorker, works: list[Work], _: Any, *, alone: bool) -> int:
        """Judge at once, or die."""
        worker.busy += worker.slots if alone else 1
        number = next(self.numbers)
        self.judged.append([work.source for work in works])
        rows = [[Result(source=work.source, kind="photo", status="ok")] for work in works]
        dead = self.deaths > 0 and any(work.source in self.deadly for work in works)
        self.deaths -= dead
        self.ray.answers[number] = Died() if dead else (rows, None)
        self.most_in_flight = max(self.most_in_flight, len(self.ray.answers))
        return number

    def bury(self, worker: NodeWorker) -> None:
        """Replace a dead worker."""
        self.members.remove(worker)
        self.members.append(NodeWorker(self.node, None))

    def is_alive(self, _: Node) -> bool:
        """Say whether the node has died with the worker."""
        return not self.node_dies


class OneNode(FakeRay):
    """A cluster of one node, which has this version of crackscan, misses this path, and opens this model."""

    def __init__(self, version: str | None, missing: str | None, model: str, why: str | None = None) -> None:
        super().__init__()
        self.look, self.model = (version, missing, why), model

    def nodes(self) -> list[dict[str, Any]]:
        """Return the node as Ray does."""
        ours = {"NodeName": "b", "NodeManagerAddress": "192.0.2.7", "Resources": {"CPU": 1.0}}
        return [{"NodeID": "1", "Alive": True, **ours}]

    def put(self, thing: Any) -> Any:
        """Return a thing itself as its reference."""
        return thing

    def remote(self, thing: Any) -> Any:
        """Return what starts a worker, or looks at the node."""
        start = SimpleNamespace(remote=lambda _: self.answer(self.model))
        begin = lambda *_: SimpleNamespace(start=start) if thing is Worker else self.answer(self.look)  # noqa: E731
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=begin))

    def answer(self, result: Any) -> int:
        """Return the reference of an answer."""
        self.answers[len(self.answers)] = result
        return len(self.answers) - 1


@pytest.mark.parametrize(
    ("version", "missing", "model", "why"),
    [
        ("0.0.1", None, "dark", f"it has crackscan 0.0.1, and this machine {__version__}"),
        (None, None, "dark", f"crackscan is not installed there; install crackscan {__version__}"),
        (__version__, "/data", "dark", "it cannot reach /data; mount it there under the same path"),
        (__version__, "s3://a/b", "dark", "it cannot reach s3://a/b: access is denied"),
        (__version__, None, "light", "it has the model light, and this machine dark"),
    ],
)
def test_node_that_would_give_other_rows_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, version: str | None, missing: str | None, model: str, why: str
) -> None:
    """It is told why it gets no work; a cluster of such nodes is an error."""
    strategies = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *_, **__: None)
    for name in ("ray", "ray.util", "ray.util.scheduling_strategies"):
        monkeypatch.setitem(sys.modules, name, strategies)
    said: list[str] = []
    ray = OneNode(version, missing, model, why.partition(": ")[2] or None)
    crew = Crew(ray, Job(ModelFiles({}, "litert"), "dark"), said.append)
    crew.refresh()
    while crew.starting:
        crew.settle_start(next(iter(crew.starting)))
    assert said == [f"Node b gets no work: {why}."]
    assert crew.free_worker(alone=False) is None
    monkeypatch.setattr("crackscan.scanning.cluster.crew.LOOK_SECONDS", 0)
    with pytest.raises(CrackscanError, match=re.escape(f"no node can judge anything (b: {why}).")):
        crew.refresh()


def photos(number: int) -> Iterator[Work]:
    """Yield photos that do not exist, which are groups of their own."""
    return (Work(f"{each}.jpg", f"{each}.jpg", "photo", OPTIONS.tiles) for each in range(number))


def judged_by(crew: FakeCrew, works: Iterator[Work]) -> dict[str, list[Result]]:
    """Return the rows by source; each comes once."""
    runner = ClusterRunner(crew.ray, crew, "dark@00000000")
    rows: dict[str, list[Result]] = {}
    for group in runner.run_in_groups(works, OPTIONS.rows):
        for work, results in group:
            assert work.source not in rows
            rows[work.source] = results
    return rows


def test_photo_that_kills_its_workers_is_a_row() -> None:
    """After three deaths it is unreadable, with the reason; no other photo suffers."""
    crew = FakeCrew(FakeRay(), {"7.jpg"})
    rows = judged_by(crew, photos(30))
    assert len(rows) == 30
    bad = {source: each for source, (each,) in rows.items() if each.status != "ok"}
    assert list(bad) == ["7.jpg"]
    assert bad["7.jpg"].reason == "the process that judged it died 3 times, the last time on node b"
    assert bad["7.jpg"].model == "dark@00000000"
    assert sum("7.jpg" in works for works in crew.judged) == TRIES["process"]


@pytest.mark.parametrize(("deaths", "status"), [(9, "ok"), (10, "unreadable")])
def test_photo_may_be_on_many_nodes_that_die(deaths: int, status: str) -> None:
    """Where nodes come and go, that is not a fault of a photo; one that ends them all is a row at last."""
    crew = FakeCrew(FakeRay(), {"7.jpg"}, deaths=deaths)
    crew.node_dies = True
    (row,) = judged_by(crew, photos(30))["7.jpg"]
    assert row.status == status
    assert row.reason in {None, "the node that judged it died 10 times, the last time on node b"}


def test_photo_is_not_blamed_for_workers_that_were_ended() -> None:
    """The workers of a node that lost its files are ended, and others judge what they had."""
    crew = FakeCrew(FakeRay(), {"7.jpg"}, deaths=20)
    crew.node.refused = "it cannot reach /data"
    (row,) = judged_by(crew, photos(30))["7.jpg"]
    assert row.status == "ok"


def test_work_in_flight_is_bounded() -> None:
    """The plan of a long survey is read as it is judged."""
    crew, taken = FakeCrew(FakeRay(), set()), 0

    def counted() -> Iterator[Work]:
        nonlocal taken
        for work in photos(500):
            taken += 1
            yield work

    runner = ClusterRunner(crew.ray, crew, "dark@00000000")
    for number, _ in enumerate(runner.run_in_groups(counted(), OPTIONS.rows)):
        assert taken <= number + 8
    assert number == 499
    assert crew.most_in_flight <= 4


def test_worker_tells_which_file_is_not_there(tmp_path: Path) -> None:
    """Its machine may lack a disk that others have, which differs from a damaged file."""
    photo = make_photo(tmp_path / "1.jpg")
    bad = tmp_path / "2.jpg"
    bad.write_bytes(b"no picture")
    worker = Worker(str(tmp_path))
    opened = SimpleNamespace(classifier=DarkMeansCrack)
    assert worker.start(SimpleNamespace(open=lambda: opened)) == "dark@00000000"
    works = [Work(str(path), str(path), "photo", OPTIONS.tiles) for path in (photo, bad)]
    rows, lost = worker.judge(works, OPTIONS.rows)
    assert [each.status for (each,) in rows] == ["ok", "unreadable"]
    assert lost is None
    photo.unlink()
    assert worker.judge(works, OPTIONS.rows)[1] == str(photo)


@pytest.mark.usefixtures("stand_in_model")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--cluster", "here", "-o", "o.csv"], "give auto, HOST:6379 or ray://HOST:10001"),
        (["--cluster", "here:70000", "-o", "o.csv"], "give auto, HOST:6379 or ray://HOST:10001"),
        (["--cluster", "auto"], "--cluster needs a file output"),
        (["--cluster", "auto", "-o", "-"], "--cluster needs a file output"),
    ],
)
def test_wrong_use_is_told(survey: Path, arguments: list[str], sentence: str) -> None:
    """Before anything is connected or planned."""
    done = run("scan", survey, *arguments)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("s3://survey/2026/", 's3://: needs fsspec; install the extra: pip install "crackscan[cloud]"'),
        ("gone/", None),
    ],
)
def test_node_tells_what_it_does_not_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str | None
) -> None:
    """A bucket needs libraries and credentials on each node, which the driver may have and a node not."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    open_store.cache_clear()
    (tmp_path / "here").mkdir()
    assert find_unreached(str(tmp_path), ("here", name)) == (name, why)
    assert find_unreached(str(tmp_path), ("here",)) == (None, None)


@pytest.mark.usefixtures("stand_in_model")
@pytest.mark.parametrize(
    ("ray", "sentence"),
    [
        (None, '--cluster needs ray; install the extra: pip install "crackscan[cluster]".'),
        (
            SimpleNamespace(__version__="9", exceptions=FakeRay.exceptions),
            "--cluster localhost:1: cannot be reached (Connection refused); check that a cluster of Ray 9",
        ),
    ],
    ids=["not installed", "nothing listens"],
)
def test_cluster_that_cannot_be_used_is_told(
    survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray: Any, sentence: str
) -> None:
    """At once, in a sentence; Ray itself would try for minutes."""
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(ModelFiles, "read", lambda *_, **__: ModelFiles({}, "litert"))
    done = run("scan", survey, "-o", tmp_path / "o.csv", "--cluster", "localhost:1")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {sentence}")


@pytest.mark.parametrize(("error", "waits"), [(Stopped(130), False), (CrackscanError("no"), True)])
def test_who_interrupts_a_scan_does_not_wait_for_the_cluster(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, *, waits: bool
) -> None:
    """What is saved is told at once; otherwise the connection is closed in order."""
    closed: list[bool] = []
    ray = SimpleNamespace(
        __version__="9",
        exceptions=FakeRay.exceptions,
        init=lambda **_: None,
        shutdown=lambda: closed.append(True),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(type(error)), connected("auto"):
        raise error
    assert bool(closed) == waits


def test_only_one_folder_knows_of_ray() -> None:
    """Whoever changes another room need not know how Ray works."""
    package = ROOT / "crackscan"
    knowing = {
        path.relative_to(package).parent.as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*(import|from) ray\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert knowing == {"scanning/cluster"}


# with Ray


@pytest.fixture
def nodes() -> Iterator[Any]:
    """Yield a cluster of two nodes with one core each."""
    pytest.importorskip("ray", reason="the extra cluster is not installed")
    from cluster_nodes import ray_nodes

    with ray_nodes("a", "b", SLOWLY="0.02", DEADLY="120") as started:
        yield started


def of_one_machine(survey: Path, tmp_path: Path) -> bytes:
    """Return the rows of a scan by this machine."""
    assert run("scan", survey, "-o", tmp_path / "one.csv").exit_code == 0
    return (tmp_path / "one.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("stand_in_model")
def test_cluster_gives_the_files_of_one_machine(survey: Path, tmp_path: Path, nodes: Any) -> None:
    """Two nodes, then one that dies in the middle, then nodes that may not work."""
    whole = of_one_machine(survey, tmp_path)
    out = tmp_path / "cluster.csv"
    code, said = nodes.scan(survey, "-o", out)
    assert code == 0, said
    assert out.read_bytes() == whole

    scanning = nodes.start_scan(survey, "-o", out, "--fresh")
    wait_until_begun(out)
    nodes.kill("b")
    said = scanning.communicate(timeout=300)[1]
    assert scanning.returncode == 0, said
    assert out.read_bytes() == whole

    scanning = nodes.start_scan(survey, "-o", out, "--fresh")
    wait_until_begun(out)
    scanning.send_signal(signal.SIGINT)
    said = scanning.communicate(timeout=300)[1]
    assert scanning.returncode == 130, said
    assert "are saved in" in said
    code, said = nodes.scan(survey, "-o", out)
    assert code == 0, said
    assert "Resuming from" in said
    assert out.read_bytes() == whole

    other = tmp_path / "other" / "crackscan"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text('__version__ = "0.0.1"\n')
    nodes.add("old", PYTHONPATH=str(other.parent))
    code, said = nodes.scan(survey, "-o", out, "--fresh")
    assert code == 0, said
    assert "Node old gets no work: it has crackscan 0.0.1, and this machine" in said
    assert out.read_bytes() == whole

    Image.fromarray(pixels(64, 64) // 8 + 95).save(survey / "20-deadly.png")
    code, said = nodes.scan(survey, "-o", out)
    assert code == 3, said
    assert "20-deadly.png: the process that judged it died 3 times, the last time on node a" in said
    assert out.read_bytes().count(b"\n") == whole.count(b"\n") + 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_shipped_model_travels_to_the_nodes(tmp_path: Path, nodes: Any) -> None:
    """Its weights need not be on the nodes, and it judges there as here."""
    site = ROOT / "examples" / "site"
    assert run("scan", site, "-o", tmp_path / "one.gpkg").exit_code == 0
    program = ROOT / "crackscan" / "__main__.py"
    code, said = nodes.scan(site, "-o", tmp_path / "cluster.gpkg", script=str(program))
    assert code == 0, said
    assert (tmp_path / "cluster.gpkg").read_bytes() == (tmp_path / "one.gpkg").read_bytes()


def wait_until_begun(out: Path) -> None:
    """Wait until the first rows are in the journal."""
    for _ in range(3000):
        time.sleep(0.1)
        try:
            with read_journal(Path(f"{out}.journal")) as journal:
                if 0 < journal.done < journal.planned:
                    return
        except Exception:  # noqa: BLE001 - it is not there yet, or just being written
            continue
    raise AssertionError("the scan has not begun")


def test_model_travels_as_it_is() -> None:
    """The files that the card names are written on the node, and checked against it there."""
    from crackscan.basics.errors import BrokenModel
    from crackscan.model.loading import find_model

    files = ModelFiles.read(find_model(), engine="litert")
    broken = ModelFiles(dict(files.files) | {"model.tflite": b"other"}, "litert")
    with pytest.raises(BrokenModel, match=r"model\.tflite: not the file of card\.json"):
        broken.open()
    assert Job(files, "concrete").most_workers is None
