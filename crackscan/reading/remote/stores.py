"""Objects of all kinds of stores: they are looked up, listed, fetched and sent, with retries."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from crackscan.basics.addresses import as_folder, split_address
from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.basics.records import FileSignature
from crackscan.reading.remote.clients import open_store
from crackscan.reading.remote.listings import PAGE, RemoteEntry, listing_pages, signature_of
from crackscan.reading.remote.reasons import (
    is_beyond_end,
    is_expired,
    is_forbidden,
    is_missing,
    may_pass,
    reason_of,
)

T = TypeVar("T")
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds between the attempts of a request


class NotAllowed(Unreadable):
    """The credentials do not allow a request."""


class Found(NamedTuple):
    """What an address names; a folder has no signature."""

    is_folder: bool
    signature: FileSignature | None = None


def find(name: str) -> Found:
    """Look up what an address names.

    Raises:
        FileNotFoundError: nothing.
        Unreadable: it cannot be reached.
    """
    address = split_address(name)
    if address.scheme in {"http", "https"}:
        return Found(is_folder=False, signature=object_signature(name))
    if address.key and not name.endswith("/"):
        try:
            return Found(is_folder=False, signature=object_signature(name))
        except FileNotFoundError:
            pass
    first = attempt(partial(next, _pages(name, most=2), []), name)
    if address.key and not first:
        raise FileNotFoundError(name)
    return Found(is_folder=True)


def object_signature(name: str) -> FileSignature:
    """Return the signature of an object: its size and its ETag, by one request.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: it cannot be reached.
    """
    address, store = split_address(name), _store(name)
    if address.scheme == "s3":  # `info` would look for a folder as well
        call = partial(store.call_s3, "head_object", Bucket=address.bucket, Key=address.key)
        facts = attempt(call, name)
        return signature_of({**facts, "size": facts["ContentLength"]})
    if address.scheme == "gs":  # as above
        facts = attempt(partial(store.call, "GET", "b/{}/o/{}", *address[1:], json_out=True), name)
        return signature_of({**facts, "size": int(facts["size"])})
    facts = attempt(partial(store.info, name), name)
    if facts["type"] != "file":
        raise FileNotFoundError(name)
    return signature_of(facts)


def folder_entries(name: str) -> Iterator[RemoteEntry]:
    """Yield the objects and folders in a folder, a page of the listing at a time.

    Raises: Unreadable: it cannot be listed.
    """
    pages = _pages(name)
    try:
        while page := attempt(lambda: next(pages, None), name):
            yield from page
    except FileNotFoundError as error:
        raise Unreadable("there is no such bucket or folder") from error


def fetch(name: str, path: str) -> None:
    """Write an object to a file.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: it cannot be fetched.
    """
    # gcsfs asks for the size first, unless it gets headers
    more: dict[str, Any] = {"headers": {}} if split_address(name).scheme == "gs" else {}
    attempt(partial(_store(name).get_file, name, path, **more), name)


def fetch_ranges(name: str, ranges: list[tuple[int, int]]) -> list[bytes]:
    """Return parts of an object, which are fetched at the same time.

    ranges: of each part its first byte, and the byte after its last one.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: they cannot be fetched.
    """
    starts, ends = zip(*ranges, strict=True)

    def cat() -> list[bytes]:
        parts: list[bytes] = _store(name).cat_ranges([name] * len(ranges), starts, ends, on_error="raise")
        if any(len(part) != end - start for part, (start, end) in zip(parts, ranges, strict=True)):
            raise OSError("the answer has another length than was asked for")
        return parts

    return attempt(cat, name)


def fetch_start(name: str, count: int) -> bytes:
    """Return the first bytes of an object, fewer if it is shorter; without looking up its size.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: they cannot be fetched.
    """

    def cat() -> bytes:
        try:
            content: bytes = _store(name).cat_file(name, start=0, end=count)
        except Exception as error:
            if is_beyond_end(error):  # it has no byte at all
                return b""
            raise
        return content[:count]

    return attempt(cat, name)


def fetch_all(name: str) -> bytes:
    """Return the content of an object.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: it cannot be fetched.
    """
    content: bytes = attempt(partial(_store(name).cat_file, name), name)
    return content


def send(path: str, name: str) -> None:
    """Write a file to an object, which appears when it is whole.

    Raises:
        FileNotFoundError: there is no such bucket.
        Unreadable: it cannot be sent.
    """
    attempt(partial(_store(name).put_file, path, name), name)


def check_writable(name: str) -> None:
    """Make sure that an object may be written, without making one: an upload is begun and given up.

    Azure's store is not asked, because it would keep the beginning for a week.

    Raises:
        FileNotFoundError: there is no such bucket.
        NotAllowed: it may not be written.
        Unreadable: it cannot be found out.
    """
    address, store = split_address(name), _store(name)
    place = {"Bucket": address.bucket, "Key": address.key}
    if address.scheme == "s3":
        begun = attempt(partial(store.call_s3, "create_multipart_upload", **place), name)
        with suppress(Exception):  # it costs nothing, and may be all that these credentials may do
            store.call_s3("abort_multipart_upload", **place, UploadId=begun["UploadId"])
    elif address.scheme == "gs":
        from fsspec.asyn import sync
        from gcsfs.core import initiate_upload

        attempt(partial(sync, store.loop, initiate_upload, store, address.bucket, address.key), name)


def attempt(call: Callable[[], T], name: str) -> T:
    """Return what a call returns; what may pass is tried again, after waits that grow.

    Raises:
        FileNotFoundError: there is no such object.
        Unreadable: it failed each time, or for good.
        CrackscanError: the credentials have expired, so that all else would fail, too.
    """
    for wait in (*WAITS, None):
        try:
            return call()
        except CrackscanError:
            raise
        except Exception as error:  # each library has errors of its own
            if is_missing(error):
                raise FileNotFoundError(name) from error
            if is_expired(error):
                raise CrackscanError(
                    f"{name}: the credentials have expired; renew them, and run the same command again."
                ) from error
            if is_forbidden(error):
                raise NotAllowed(reason_of(error)) from error
            if wait is None or not may_pass(error):
                tries = f" ({len(WAITS) + 1} attempts)" if may_pass(error) else ""
                raise Unreadable(f"{reason_of(error)}{tries}") from error
            time.sleep(wait)
    raise AssertionError


def _pages(name: str, most: int = PAGE) -> Iterator[list[RemoteEntry]]:
    return listing_pages(open_store, as_folder(name), most)


def _store(name: str) -> Any:
    return open_store(split_address(name).scheme)
