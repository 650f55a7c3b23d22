"""A small survey for tests of reviews, its server, and a browser of a few lines."""

import http.client
import json
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import run
from makers import make_mosaic, make_photo

from crackscan.review.session import Session, open_session

HOSTILE = "<script>alert(1)</script>&'.jpg"


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON values."""
        return json.loads(self.body)


class Browser:
    """Asks a server as its page does."""

    def __init__(self, session: Session) -> None:
        self.server = session.server
        self.host = f"127.0.0.1:{self.server.server_port}"

    def ask(self, path: str, *, token: str | None = None, **changes: Any) -> Answer:
        """Ask for a path below the token."""
        return self.raw("GET", f"/{token or self.server.token}/{path}", **changes)

    def act(self, action: str, *rows: int, **more: Any) -> Answer:
        """Save an act."""
        return self.post({"action": action, "rows": list(rows), **more})

    def post(self, content: Any, **headers: str | None) -> Answer:
        """Post JSON values; headers replace the page's own, None leaves one out."""
        own = {"Content-Type": "application/json", "Origin": f"http://{self.host}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.raw("POST", f"/{self.server.token}/verdicts", json.dumps(content), **own | named)

    def raw(self, method: str, target: str, body: str | None = None, **headers: str | None) -> Answer:
        """Send a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        all_headers = {"Host": self.host} | headers
        connection.request(
            method, target, body, {name: value for name, value in all_headers.items() if value is not None}
        )
        answer = connection.getresponse()
        found = Answer(answer.status, answer.read(), dict(answer.getheaders()))
        connection.close()
        return found


def make_survey(folder: Path) -> Path:
    """Scan photos, one with a hostile name, and a mosaic, by the stand-in model; return the journal."""
    from stand_in import load

    from crackscan.model import loading

    make_photo(folder / "site" / "cracked.jpg", crack=True)
    make_photo(folder / "site" / "plain.jpg", width=700, height=500)
    make_photo(folder / "site" / HOSTILE)
    make_mosaic(folder / "site" / "deck.tif", width=448, height=448)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "find_model", lambda _: Path())
        patch.setattr(loading.Model, "load", load)
        assert run("scan", folder / "site", "-o", folder / "out.csv", "--quiet").exit_code == 0
    return folder / "out.csv.journal"


class served:  # noqa: N801 - a context manager, as open_session
    """A review that is served while the `with` statement lasts."""

    def __init__(self, journal: Path, reviewer: str = "anna") -> None:
        self._opened = open_session(journal, reviewer)

    def __enter__(self) -> Session:
        """Start the server."""
        session = self._opened.__enter__()
        self._server = session.server
        threading.Thread(target=session.server.serve_forever, args=(0.01,), daemon=True).start()
        return session

    def __exit__(self, *error: object) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._opened.__exit__(None, None, None)


def names(browser: Browser) -> list[str]:
    """Return the sources of the rows, in their order, as the server knows them."""
    desk = browser.server.desk
    return [desk._survey.row_id(number).source for number in range(len(desk._survey))]
