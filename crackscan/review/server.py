"""The server of a review: it answers this machine alone, and only who knows the token of the address."""

import json
import re
import secrets
import shutil
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import parse_qs

from crackscan.basics.errors import CrackscanError
from crackscan.review.desk import BadAct, Desk
from crackscan.review.pictures import ReviewPictures

LOCALHOST = "127.0.0.1"
LARGEST_BODY = 1 << 20  # bytes
IDLE_SECONDS = 60  # after which a connection that asks nothing is closed
PAGE_POLICY = "frame-ancestors 'none'"  # the page's own policy says the rest; this a page cannot say itself
NO_POLICY = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NO_STORE, PRIVATE = "no-store", "private, max-age=3600"  # of pictures: the page draws them again and again


class Content(NamedTuple):
    """The body of an answer."""

    kind: str  # media type
    body: bytes
    cache: str = NO_STORE


class ReviewServer(ThreadingHTTPServer):
    """Serves one review until it is told to stop."""

    daemon_threads = True
    request_queue_size = 64  # connections: a browser opens several at once

    def __init__(self, port: int, page: Path, desk: Desk, pictures: ReviewPictures) -> None:
        """Listen on a port of this machine; 0 takes a free one.

        page: the file that is sent as the page.

        Raises: CrackscanError: another program has the port.
        """
        self.page, self.desk, self.pictures = page, desk, pictures
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((LOCALHOST, port), _Handler)
        except OSError as error:
            raise CrackscanError(
                f"--port {port}: cannot be used: {error.strerror}; choose another, or leave it out."
            ) from error

    @property
    def hosts(self) -> set[str]:
        """What a browser of this machine may call the server; another name is a site that points here."""
        return {f"{name}:{self.server_port}" for name in (LOCALHOST, "localhost")}

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{LOCALHOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone away."""


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version, sys_version = "crackscan", ""
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Answer with the page, a picture, or what people say."""
        path = self._path_below_token()
        if path is None:
            return
        if path == "":
            self._send_page()
        elif (answer := _answer_to(path)) is None:
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            self._answer(lambda: answer(self.server))

    def do_HEAD(self) -> None:
        """Refuse: nobody needs it."""
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED)

    def do_POST(self) -> None:
        """Save an act."""
        path = self._path_below_token()
        if path is None:
            return
        if path != "verdicts":
            self._refuse(HTTPStatus.NOT_FOUND)
        elif self.headers.get("Origin", "") not in {f"http://{host}" for host in self.server.hosts}:
            self._refuse(HTTPStatus.FORBIDDEN)
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif (length := _length(self.headers.get("Content-Length"))) is None:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(length)
            self._answer(lambda: _json(self.server.desk.act(json.loads(body))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Keep quiet: addresses hold the token."""

    def _path_below_token(self) -> str | None:
        """Return the path behind the token; None: the request was refused."""
        if self.headers.get("Host", "") not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        token, slash, path = self.path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return path

    def _answer(self, make: Callable[[], Content]) -> None:
        try:
            content = make()
        except (BadAct, ValueError) as error:
            self._send(HTTPStatus.BAD_REQUEST, _json({"error": str(error)}))
        except IndexError:
            self._refuse(HTTPStatus.NOT_FOUND)
        except OSError as error:
            reason = f"the verdict is not saved: {error.strerror or error}"
            self._send(HTTPStatus.INSUFFICIENT_STORAGE, _json({"error": reason}))
        except CrackscanError as error:
            self._send(HTTPStatus.CONFLICT, _json({"error": str(error)}))
        else:
            self._send(HTTPStatus.OK, content)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # a body may follow that nobody reads
        self._send(status, Content("text/plain; charset=utf-8", f"{status.phrase}\n".encode()))

    def _send(self, status: HTTPStatus, content: Content) -> None:
        self._start(status, content.kind, len(content.body), content.cache, NO_POLICY)
        self.wfile.write(content.body)

    def _send_page(self) -> None:
        with self.server.page.open("rb") as file:
            self._start(HTTPStatus.OK, "text/html; charset=utf-8", _size(file), NO_STORE, PAGE_POLICY)
            shutil.copyfileobj(file, self.wfile)

    def _start(self, status: HTTPStatus, kind: str, length: int, cache: str, policy: str) -> None:
        self.send_response(status)
        headers = HEADERS | {
            "Content-Type": kind,
            "Content-Length": str(length),
            "Cache-Control": cache,
            "Content-Security-Policy": policy,
        }
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _state(server: ReviewServer) -> Content:
    return _json(server.desk.state())


def _row(server: ReviewServer, number: str) -> Content:
    return _json(server.desk.row(int(number)))


def _tiles(server: ReviewServer, number: str) -> Content:
    return _json({"tiles": server.desk.tiles(int(number))})


def _statistics(server: ReviewServer, query: str) -> Content:
    return _json(server.desk.statistics(float(parse_qs(query).get("threshold", ["nan"])[0])))


def _repeats(server: ReviewServer) -> Content:
    return _json({"groups": server.desk.repeats(server.pictures.window)})


def _picture(server: ReviewServer, number: str) -> Content:
    return Content("image/webp", server.pictures.picture(int(number)), PRIVATE)


def _overview(server: ReviewServer, source: str) -> Content:
    return Content("image/webp", server.pictures.overview(int(source)), PRIVATE)


def _region(server: ReviewServer, *place: str) -> Content:
    return Content("image/webp", server.pictures.region(*map(int, place)), PRIVATE)


# Numbers of rows and sources are all that a request can name: there is no path to go up from.
_GETS: list[tuple[str, Callable[..., Content]]] = [
    (r"state", _state),
    (r"repeats", _repeats),
    (r"row/(\d{1,9})", _row),
    (r"tiles/(\d{1,9})", _tiles),
    (r"statistics\?(threshold=[\d.]{1,20})", _statistics),
    (r"picture/(\d{1,9})\.webp", _picture),
    (r"overview/(\d{1,9})\.webp", _overview),
    (r"region/(\d{1,9})/(\d{1,2})/(\d{1,6})/(\d{1,6})\.webp", _region),
]


def _answer_to(path: str) -> Callable[[ReviewServer], Content] | None:
    for pattern, answer in _GETS:
        if match := re.fullmatch(pattern, path):
            return lambda server: answer(server, *match.groups())
    return None


def _json(content: Any) -> Content:
    return Content("application/json", json.dumps(content).encode())


def _length(text: str | None) -> int | None:
    """Return the length of a body; None: it is not given, or too long."""
    if text is None or not re.fullmatch(r"\d{1,8}", text) or int(text) > LARGEST_BODY:
        return None
    return int(text)


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size
