"""Servers of gs:// and az:// for tests: two emulators of Google's store, and two of Azure's."""

import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from buckets import BUCKET, QueueingServer, free_port, wait_for

pytest.importorskip("gcsfs", reason="buckets need the extra: crackscan[cloud]")
pytest.importorskip("adlfs", reason="buckets need the extra: crackscan[cloud]")
pytest.importorskip("gcp_storage_emulator", reason="a server of gs:// is in the dependency group dev")

from azure.storage.blob import BlobServiceClient
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ACCOUNT = "devstoreaccount1"  # the account of Azurite, and its key, which is public
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TOKEN = "ya29.very-secret-token-of-the-test"
PRIVATE_KEY = rsa.generate_private_key(65537, 2048).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "survey",
    "client_email": "survey@example.org",
    "private_key": PRIVATE_KEY.decode(),
}
SECRETS = (KEY, TOKEN, PRIVATE_KEY.decode().splitlines()[5])


@dataclass
class Cloud:
    """A server of one kind of bucket, and ways to fill it that are not those of the program."""

    scheme: str
    url: str
    environment: Callable[[str], dict[str, str]]  # that leads the libraries to a server
    put_object: Callable[[str, bytes], None]
    get: Callable[[str], bytes]
    has_pages: bool = True  # a listing has no more names than were asked for

    def put(self, key: str, content: bytes | Path) -> str:
        """Make an object, and return its address."""
        self.put_object(key, content.read_bytes() if isinstance(content, Path) else content)
        return f"{self.scheme}://{BUCKET}/{key}"

    def put_folder(self, folder: Path, prefix: str) -> str:
        """Make an object of each file in a folder, and return the address of them all."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path)
        return f"{self.scheme}://{BUCKET}/{prefix}/"


@contextmanager
def google() -> Iterator[Cloud]:
    """Run an emulator of Google's store, which gives each listing as one page."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server.start()
    try:
        with _google_cloud(f"http://127.0.0.1:{port}", has_pages=False) as cloud:
            yield cloud
    finally:
        server.stop()


@contextmanager
def fake_gcs_server() -> Iterator[Cloud]:
    """Run fake-gcs-server, another emulator of Google's store, where it is installed."""
    program, port = shutil.which("fake-gcs-server"), free_port()
    if program is None:
        pytest.skip("fake-gcs-server is no Python package; its binary must be on the path")
    url = f"http://127.0.0.1:{port}"
    options = ["-backend=memory", "-scheme=http", "-host=127.0.0.1", f"-port={port}", f"-external-url={url}"]
    server = subprocess.Popen([program, *options], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        urllib.request.urlopen(f"{url}/storage/v1/b", json.dumps({"name": BUCKET}).encode()).close()
        with _google_cloud(url) as cloud:
            yield cloud
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def _google_cloud(url: str, *, has_pages: bool = True) -> Iterator[Cloud]:
    def put(key: str, content: bytes) -> None:
        address = f"{url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(key, safe='')}"
        urllib.request.urlopen(address, content).close()

    def get(key: str) -> bytes:
        address = f"{url}/download/storage/v1/b/{BUCKET}/o/{quote(key, safe='')}?alt=media"
        with urllib.request.urlopen(address) as answer:
            content: bytes = answer.read()
        return content

    with TemporaryDirectory() as folder, _serving(TokenHandler) as tokens:
        account = Path(folder) / "account.json"
        account.write_text(json.dumps(SERVICE_ACCOUNT | {"token_uri": f"{tokens}/token"}))
        variables = {"GOOGLE_APPLICATION_CREDENTIALS": str(account)}
        yield Cloud("gs", url, lambda url: variables | {"STORAGE_EMULATOR_HOST": url}, put, get, has_pages)


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a server in a thread, and give its address."""
    server = QueueingServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class TokenHandler(BaseHTTPRequestHandler):
    """Gives a token to who asks for one, as Google does to a service account."""

    def do_POST(self) -> None:
        """Give the token."""
        content = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def azure() -> Iterator[Cloud]:
    """Run a small server that answers as Azure's store does."""
    with _serving(type("Handler", (AzureHandler,), {"blobs": {}})) as url:
        yield _azure_cloud(url)


@contextmanager
def azurite() -> Iterator[Cloud]:
    """Run Azurite, Microsoft's own emulator, where it is installed."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("Azurite is no Python package: npm install -g azurite")
    port = free_port()
    command = [program, "--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    server = subprocess.Popen([*command, "--blobPort", str(port)], stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield _azure_cloud(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(10)


def _azure_cloud(url: str) -> Cloud:
    def environment(url: str) -> dict[str, str]:
        parts = ("DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={KEY}")
        return {"AZURE_STORAGE_CONNECTION_STRING": ";".join((*parts, f"BlobEndpoint={url}/{ACCOUNT}"))}

    client = BlobServiceClient.from_connection_string(*environment(url).values())
    container = client.create_container(BUCKET)

    def put(key: str, content: bytes) -> None:
        container.upload_blob(key, content, overwrite=True)

    return Cloud("az", url, environment, put, lambda key: container.download_blob(key).readall())


class AzureHandler(BaseHTTPRequestHandler):
    """One container of blobs in memory: listings in pages, blobs, parts of them. It checks no signature."""

    protocol_version = "HTTP/1.1"
    blobs: dict[str, bytes]

    def do_PUT(self) -> None:
        """Make the container, or a blob."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if key := self._key():
            self.blobs[key] = content
        self._answer(201, b"", key)

    def do_GET(self) -> None:
        """Send a page of a listing, a blob, or a part of it."""
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path.split("/")[2] != BUCKET or not self._key():
            self._list(query) if path.split("/")[2] == BUCKET else self._missing("ContainerNotFound")
        elif (content := self.blobs.get(self._key())) is None:
            self._missing("BlobNotFound")
        elif asked := self.headers.get("x-ms-range"):
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            part = content[first : last + 1]
            self._answer(206, part, self._key(), f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        else:
            self._answer(200, content, self._key())

    do_HEAD = do_GET  # noqa: N815 - the name of the base class

    def _list(self, query: dict[str, list[str]]) -> None:
        prefix, marker = query.get("prefix", [""])[0], query.get("marker", [""])[0]
        most = int(query.get("maxresults", ["5000"])[0])
        cut = {prefix + "/".join(key[len(prefix) :].split("/")[:1]) + "/" * ("/" in key[len(prefix) :])
               for key in self.blobs if key.startswith(prefix)}  # fmt: skip
        names = sorted(name for name in cut if name >= marker)
        blobs = "".join(
            f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>" if name.endswith("/") else
            f"<Blob><Name>{escape(name)}</Name><Properties><Etag>{self._etag(name)}</Etag>"
            f"<Content-Length>{len(self.blobs[name])}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
            for name in names[:most]
        )  # fmt: skip
        after = "".join(names[most : most + 1])
        page = f"<Blobs>{blobs}</Blobs><NextMarker>{escape(after)}</NextMarker>"
        self._answer(200, f"<EnumerationResults>{page}</EnumerationResults>".encode())

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).partition(f"/{ACCOUNT}/{BUCKET}")[2].lstrip("/")

    def _etag(self, key: str) -> str:
        return f"0x{md5(self.blobs[key]).hexdigest()[:16]}"

    def _missing(self, code: str) -> None:
        self._answer(404, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def _answer(self, status: int, content: bytes, key: str = "", part: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if key else "application/xml")
        self.send_header("Content-Length", str(len(content)))
        if key in self.blobs:
            self.send_header("ETag", f'"{self._etag(key)}"')
            self.send_header("Last-Modified", "Sun, 29 Nov 2026 00:00:00 GMT")
        if part:
            self.send_header("Content-Range", part)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


SERVERS = {"gs": google, "fake-gcs-server": fake_gcs_server, "az": azure, "azurite": azurite}
