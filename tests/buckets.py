"""Servers of buckets, started by the tests that need them: moto, rclone, and a proxy that disturbs."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("s3fs", reason="buckets need the extra: crackscan[cloud]")
pytest.importorskip("moto", reason="a server of S3 is in the dependency group dev")

import boto3

from crackscan.reading.remote import stores

BUCKET = "survey"
CODES = {403: "AccessDenied", 503: "SlowDown"}  # of S3, by status
KEY, SECRET = "AKIATESTTESTTESTTEST", "very-secret-key-of-the-test"


@dataclass
class Store:
    """A server of S3, and a client to fill it."""

    url: str
    client: Any

    def put(self, key: str, content: bytes | Path, bucket: str = BUCKET) -> str:
        """Make an object, and return its address."""
        body = content.read_bytes() if isinstance(content, Path) else content
        self.client.put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def put_folder(self, folder: Path, prefix: str) -> str:
        """Make an object of each file in a folder, and return the address of them all."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path)
        return f"s3://{BUCKET}/{prefix}/"

    def get(self, key: str) -> bytes:
        """Return the content of an object."""
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of all objects."""
        answer = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [found["Key"] for found in answer.get("Contents", ())]


def environment(url: str) -> dict[str, str]:
    """Return the variables that lead every library to a server of the test."""
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(url: str) -> Any:
    """Return a client of a server."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


@contextmanager
def open_bucket(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Make the bucket of a test, lead the program to it, and remove it afterwards."""
    made = Store(url, client(url))
    made.client.create_bucket(Bucket=BUCKET)
    lead_to(url, monkeypatch)
    monkeypatch.setattr(stores, "WAITS", (0.01, 0.02, 0.04))
    yield made
    stores.open_store.cache_clear()
    for key in made.keys():  # noqa: SIM118 - a method of our own
        made.client.delete_object(Bucket=BUCKET, Key=key)
    made.client.delete_bucket(Bucket=BUCKET)


def lead_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment lead to a server."""
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)
    stores.open_store.cache_clear()


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server of S3, and give its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@contextmanager
def rclone_server(folder: Path) -> Iterator[str]:
    """Run rclone as a server of S3 whose buckets are the folders in a folder."""
    program = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("rclone, a server of S3, is in the dependency group dev")
    port = free_port()
    command = [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    server = subprocess.Popen([*command, str(folder)], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(port: int) -> None:
    """Wait until a server listens."""
    for _ in range(200):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


class RangeHandler(SimpleHTTPRequestHandler):
    """A web server of files that answers for parts of them, as most do."""

    def do_GET(self) -> None:
        """Send a file, or the part of it that is asked for."""
        path, asked = Path(self.translate_path(self.path)), self.headers.get("Range")
        if asked is None or not path.is_file():
            super().do_GET()
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        content = path.read_bytes()
        part = content[int(first) : int(last) + 1 if last else None]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Run a web server of the files in a folder, and give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(RangeHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Request:
    """A request that the proxy has seen."""

    method: str
    path: str
    range: str | None = None
    sent: int = 0  # bytes of the answer's body


class QueueingServer(ThreadingHTTPServer):
    """A server that lets many clients connect at the same moment, as a store does."""

    request_queue_size = 128
    daemon_threads = True


@dataclass
class Proxy:
    """A server between the program and the store: it notes each request, delays it or spoils the answer.

    `spoil` returns None, or a status to answer with, or "cut": half of the body, then the end.
    """

    target: str
    delay: float = 0.0  # seconds
    spoil: Callable[[Request], int | str | None] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Run it."""
        server = QueueingServer(("127.0.0.1", 0), self._handler())
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                seen = Request(self.command, self.path, self.headers.get("Range"))
                proxy.requests.append(seen)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(proxy.delay)
                fault = proxy.spoil(seen)
                if isinstance(fault, int):
                    code = CODES.get(fault, "InternalError")
                    self._answer(fault, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())
                    return
                link = http.client.HTTPConnection(proxy.target.removeprefix("http://"))
                link.request(self.command, self.path, body, dict(self.headers))
                answer = link.getresponse()
                content = answer.read()
                link.close()
                seen.sent = len(content)
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                if fault == "cut":
                    self.wfile.write(content[: len(content) // 2])
                    self.wfile.flush()
                    self.connection.close()
                    self.close_connection = True
                elif self.command != "HEAD":
                    self.wfile.write(content)

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - names of the base class

            def log_message(self, *_: object) -> None:
                pass

        return Handler
