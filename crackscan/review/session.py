"""A review session: the rows of a journal, its verdicts and its page, ready to be served."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from crackscan.review.desk import Desk
from crackscan.review.pictures import ReviewPictures
from crackscan.review.review_page import write_review_page
from crackscan.review.server import ReviewServer
from crackscan.review.survey import SurveyRows
from crackscan.review.verdict_file import VerdictFile, verdicts_path
from crackscan.scanning.journal_file import read_journal


class Session(NamedTuple):
    """What a review consists of."""

    server: ReviewServer
    rows: SurveyRows
    verdicts: VerdictFile


@contextmanager
def open_session(
    journal: Path, reviewer: str, *, threshold: float | None = None, port: int = 0
) -> Iterator[Session]:
    """Prepare a review; its server listens, but answers only when `serve_forever` is called.

    Args:
        journal: of a scan that has ended, or still runs; its rows of this moment are shown.
        reviewer: the name under which verdicts are saved.
        threshold: for the labels; None is that of the scan.
        port: to listen on; 0 is a free one.

    Raises:
        CrackscanError: the journal or its file of verdicts cannot be read, or the port cannot be used.
        OSError: temporary files cannot be written.
    """
    verdicts = VerdictFile(verdicts_path(journal))
    with ExitStack() as stack:
        with read_journal(journal) as opened:
            rows = stack.enter_context(SurveyRows(opened, threshold))
        page = Path(stack.enter_context(TemporaryDirectory(prefix="crackscan-")), "page.html")
        with page.open("wb") as file:
            write_review_page(file, rows)
        pictures = stack.enter_context(ReviewPictures(rows))
        server = stack.enter_context(ReviewServer(port, page, Desk(rows, verdicts, reviewer), pictures))
        yield Session(server, rows, verdicts)
