"""Outputs in a bucket: each is written to a local file, and sent when that is whole."""

import re
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Self

from crackscan.basics.addresses import WEB, check_address, is_remote, split_address
from crackscan.basics.errors import CrackscanError, OutputConflict, Unreadable

LONGEST_NAME = 150  # characters; with .journal and more behind it, file systems take 255 bytes
UNUSUAL = re.compile(r"[^\w.+=@ -]|--")  # characters of a key that are replaced in a file's name


def local_target(name: str) -> Path:
    """Return the file that is written for an output: itself, or for an address a file in this folder.

    Two addresses have two files, so that their journals are told apart.
    """
    if not is_remote(name):
        return Path(name)
    scheme, bucket, key = split_address(name)
    parts = [scheme, bucket, *key.split("/")]
    plain = [UNUSUAL.sub("_", part) for part in parts]
    text = "--".join(plain)
    if plain != parts or len(text) > LONGEST_NAME:
        digest, last = blake2b(name.encode(), digest_size=4).hexdigest(), Path(plain[-1]).suffix
        text = f"{text[: LONGEST_NAME - len(last)]}--{digest}{last}"
    return Path(text)


class Uploads:
    """The outputs of a run that go to a bucket."""

    def __init__(self, addresses: dict[Path, str]) -> None:
        """Take the address of each local file."""
        self._addresses = addresses

    @classmethod
    def of(cls, outputs: Iterable[str]) -> Self:
        """Return the uploads among the outputs that the user names."""
        return cls({local_target(output): output for output in outputs if is_remote(output)})

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._addresses)

    @property
    def waiting(self) -> bool:
        """Whether a file of an earlier run has not been sent yet."""
        return any(path.exists() for path in self._addresses)

    def names(self, targets: Iterable[Path]) -> list[str]:
        """Return the outputs as the user named them."""
        return [self._addresses.get(target, str(target)) for target in targets]

    def check(self, read: Iterable[str | Path] = ()) -> None:
        """Make sure, before the work, that files can be sent.

        read: files and folders that the run reads.

        Raises:
            CrackscanError: an address names no object in a bucket, or the bucket is not there.
            OutputConflict: it is a file that the run reads.
            MissingExtra: the libraries for it are not installed.
        """
        names = set(map(str, read))
        for name in self._addresses.values():
            if name in names:
                raise OutputConflict(
                    f"{name}: this run reads it, and would replace it; choose another name with -o."
                )
            _check(name)
            _check_replaced(name)

    def send(self) -> None:
        """Send each file to its address, and remove it.

        Raises: CrackscanError: one cannot be sent; then it stays, and the text says where.
        """
        from crackscan.reading.remote import stores

        for path, name in self._addresses.items():
            if not path.exists():
                continue
            kept = f"the rows are in {path.absolute()}: run the same command again to send them"
            try:
                stores.send(str(path), name)
            except (FileNotFoundError, Unreadable) as error:
                why = "there is no such bucket" if isinstance(error, FileNotFoundError) else error
                raise CrackscanError(
                    f"{name}: cannot be sent: {why}; {kept}, or copy the file yourself."
                ) from error
            except BaseException as error:
                error.add_note(f"{name} was not sent: {kept}.")
                raise
            path.unlink()


def _check_replaced(name: str) -> None:
    """Make sure that a heatmap replaces no picture.

    Raises: CrackscanError: it would.
    """
    from crackscan.reading.locations import exists
    from crackscan.reading.own_heatmap import is_heatmap

    if name.lower().endswith((".tif", ".tiff")) and exists(name) and not is_heatmap(name):
        raise CrackscanError(
            f"{name}: exists, and is not a heatmap of crackscan; choose another name with -o."
        )


def check_object(name: str) -> None:
    """Make sure that an address can be that of an output; a path passes.

    Raises: CrackscanError: it cannot.
    """
    if not is_remote(name):
        return
    check_address(name)
    if name.startswith(WEB):
        raise CrackscanError(f"{name}: a web server takes no files; name a bucket, such as s3://, or a file.")
    if not split_address(name).key or name.endswith("/"):
        raise CrackscanError(f"{name}: is a folder; name a file in it.")


def _check(name: str) -> None:
    from crackscan.reading.locations import find_remote
    from crackscan.reading.remote.stores import NotAllowed

    check_object(name)
    address = split_address(name)
    bucket = f"{address.scheme}://{address.bucket}"
    try:
        with suppress(NotAllowed):  # who may write need not be allowed to list
            find_remote(bucket)
        _check_writable(name)
    except FileNotFoundError as error:
        raise CrackscanError(f"{name}: there is no bucket {bucket}; create it first.") from error
    except Unreadable as error:
        raise CrackscanError(f"{name}: cannot be reached: {error}.") from error


def _check_writable(name: str) -> None:
    from crackscan.reading.remote.stores import NotAllowed, check_writable

    try:
        check_writable(name)
    except NotAllowed as error:
        raise CrackscanError(
            f"{name}: cannot be written: {error}; get the right to write there, or name another place."
        ) from error
    except Unreadable:  # a server that does not know this way; sending will tell
        return
