"""Listings of folders in buckets, a page at a time: a folder may hold ten million photos."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from crackscan.basics.addresses import Address, split_address
from crackscan.basics.records import FileSignature

PAGE = 1000  # names in an answer, the most that the stores give
# what changes with the content of an object; the first one that a store gives counts
VERSIONS = ("generation", "ETag", "etag", "content_md5", "Last-Modified", "last_modified", "LastModified")


class RemoteEntry(NamedTuple):
    """An object or a folder in a folder."""

    name: str
    is_folder: bool
    signature: FileSignature | None = None


def listing_pages(
    open_store: Callable[[str], Any], folder: str, most: int = PAGE
) -> Iterator[list[RemoteEntry]]:
    """Yield the entries of a folder in pages; a failed request can be tried again by asking once more."""
    address = split_address(folder)
    return {"s3": _S3Pages, "gs": _GooglePages, "az": _AzurePages}[address.scheme](
        open_store(address.scheme), address, most
    )


class _Pages(Iterator[list[RemoteEntry]]):
    """Pages of a listing; the next one is asked for by the token of the one before."""

    def __init__(self, store: Any, address: Address, most: int) -> None:
        self._store, self._address, self._most = store, address, most
        self._token: str | None = None
        self._ended = False

    def __next__(self) -> list[RemoteEntry]:
        """Return the next page that is not empty."""
        while not self._ended:
            page, self._token = self._ask()
            self._ended = not self._token
            entries = [entry for entry in page if entry.name or entry.is_folder]
            if entries:
                return entries
        raise StopIteration

    def _ask(self) -> tuple[list[RemoteEntry], str | None]:
        raise NotImplementedError

    def _name(self, key: str) -> str:
        return key.removeprefix(self._address.key)

    def _folder(self, key: str) -> RemoteEntry:
        return RemoteEntry(self._name(key).removesuffix("/"), is_folder=True)


class _S3Pages(_Pages):
    def _ask(self) -> tuple[list[RemoteEntry], str | None]:
        more = {"ContinuationToken": self._token} if self._token else {}
        answer = self._store.call_s3(
            "list_objects_v2",
            Bucket=self._address.bucket,
            Prefix=self._address.key,
            Delimiter="/",
            MaxKeys=self._most,
            **more,
        )
        folders = [self._folder(found["Prefix"]) for found in answer.get("CommonPrefixes", ())]
        objects = [
            RemoteEntry(
                self._name(found["Key"]),
                is_folder=False,
                signature=signature_of({**found, "size": found["Size"]}),
            )
            for found in answer.get("Contents", ())
        ]
        return folders + objects, answer.get("NextContinuationToken")


class _GooglePages(_Pages):
    def _ask(self) -> tuple[list[RemoteEntry], str | None]:
        answer = self._store.call(
            "GET",
            "b/{}/o",
            self._address.bucket,
            prefix=self._address.key,
            delimiter="/",
            maxResults=self._most,
            pageToken=self._token,
            json_out=True,
        )
        folders = [self._folder(prefix) for prefix in answer.get("prefixes", ())]
        objects = [
            RemoteEntry(
                self._name(found["name"]),
                is_folder=False,
                signature=signature_of({**found, "size": int(found["size"])}),
            )
            for found in answer.get("items", ())
        ]
        return folders + objects, answer.get("nextPageToken")


class _AzurePages(_Pages):
    def _ask(self) -> tuple[list[RemoteEntry], str | None]:
        from fsspec.asyn import sync

        return sync(self._store.loop, self._ask_async)  # type: ignore[no-any-return]

    async def _ask_async(self) -> tuple[list[RemoteEntry], str | None]:
        folder = self._store.service_client.get_container_client(self._address.bucket)
        pages = folder.walk_blobs(self._address.key, delimiter="/", results_per_page=self._most).by_page(
            self._token
        )
        found = [self._entry(facts) async for facts in await anext(pages)]
        return found, pages.continuation_token

    def _entry(self, facts: Any) -> RemoteEntry:
        if facts.name.endswith("/"):
            return self._folder(facts.name)
        etag = '"{}"'.format(facts.etag.strip('"'))  # as looking the object up gives it
        signature = signature_of({"size": facts.size, "etag": etag})
        return RemoteEntry(self._name(facts.name), is_folder=False, signature=signature)


def signature_of(facts: dict[str, Any]) -> FileSignature:
    """Return the signature of an object by what a store says about it."""
    version = next((str(facts[key]) for key in VERSIONS if facts.get(key)), None)
    return FileSignature(facts.get("size") or 0, 0, version)
