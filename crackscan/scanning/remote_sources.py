"""Names of sources looked up: folder or file, and of addresses many at the same time."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crackscan.basics.addresses import fault_of_address, is_remote, without_secrets
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature
from crackscan.reading.locations import find_remote
from crackscan.scanning.ahead import ahead

VIRTUAL = "/vsi"  # how a path that only GDAL can open begins
GONE = "there is no such file"


class Named(NamedTuple):
    """What a name that the user gave stands for."""

    path: str
    is_folder: bool
    fault: str | None = None  # why it cannot be read, where that is known already
    signature: FileSignature | None = None  # of an object in a bucket


def look_up(names: Iterable[str]) -> Iterator[Named]:
    """Yield what each name stands for, in order; addresses are asked for ahead."""
    return ahead(lambda name: _remote(name) if is_remote(name) else _local(name), names, waits=is_remote)


def _local(name: str) -> Named:
    if os.path.isdir(name):  # noqa: PTH112 - a path may hold bytes that pathlib would not print
        return Named(name, is_folder=True)
    # later a file that is not there is gone
    there = os.path.lexists(name) or name.startswith(VIRTUAL)
    return Named(name, is_folder=False, fault=None if there else GONE)


def _remote(name: str) -> Named:
    if fault := fault_of_address(name):
        return Named(without_secrets(name), is_folder=False, fault=fault)
    try:
        found = find_remote(name)
    except FileNotFoundError:
        return Named(name, is_folder=False, fault=GONE)
    except Unreadable as error:
        return Named(name, is_folder=False, fault=str(error))
    return Named(name, found.is_folder, None, found.signature)
