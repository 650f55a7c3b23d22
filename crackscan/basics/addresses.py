"""Addresses of objects in buckets and on web servers: told from paths, checked, and cut into parts."""

import re
from typing import NamedTuple

from crackscan.basics.errors import CrackscanError

SCHEMES = ("s3", "gs", "az", "https", "http")
STARTS = tuple(f"{scheme}://" for scheme in SCHEMES)
WEB = ("https://", "http://")
USER = re.compile(r"(?<=://)[^/?#]*@")  # name and password before the host
QUERY = re.compile(r"[?#].*", re.DOTALL)  # of a web address; the key of an object may hold these characters


class Address(NamedTuple):
    """The parts of the address of an object or a folder."""

    scheme: str
    bucket: str  # or container, or host
    key: str


def is_remote(name: object) -> bool:
    """Say whether a name is an address, and not a path."""
    return isinstance(name, str) and name.startswith(STARTS)


def split_address(name: str) -> Address:
    """Return the parts of an address."""
    scheme, _, rest = name.partition("://")
    bucket, _, key = rest.partition("/")
    return Address(scheme, bucket, key)


def without_secrets(name: str) -> str:
    """Return an address without what could be a password or a signature."""
    name = USER.sub("", name)
    return QUERY.sub("", name) if name.startswith(WEB) else name


def fault_of_address(name: str) -> str | None:
    """Say what is wrong with an address: it must not hold a secret, which rows and journals would show."""
    if name != without_secrets(name):
        return (
            "its address holds a password, a signature or a query, which files and logs would show; leave "
            "that out, and give credentials by the environment or a profile"
        )
    if not split_address(name).bucket:
        return "its address names no bucket"
    return None


def check_address(name: str) -> None:
    """Make sure that an address can be used.

    Raises: CrackscanError: it cannot; the text does not hold its secrets.
    """
    if fault := fault_of_address(name):
        raise CrackscanError(f"{without_secrets(name)}: {fault}.")


def join(folder: str, name: str, *, is_folder: bool) -> str:
    """Return the address of an object or a folder in a folder; that of a folder ends with a slash."""
    return f"{as_folder(folder)}{name}{'/' if is_folder else ''}"


def as_folder(name: str) -> str:
    """Return the address of a folder with a slash at its end."""
    return name if name.endswith("/") else f"{name}/"


def normal_address(name: str) -> str:
    """Return an address without `.` and `..` in its key, unless they lead out of the bucket."""
    if not is_remote(name):
        return name
    scheme, bucket, key = split_address(name)
    parts: list[str] = []
    for part in key.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return f"{scheme}://{bucket}/{'/'.join(parts)}"


def is_within(name: str, folders: tuple[str, ...]) -> bool:
    """Say whether an address lies in one of some folders, whose addresses end with a slash."""
    normal = normal_address(name)
    return normal.startswith(folders) and ".." not in normal.split("/")
