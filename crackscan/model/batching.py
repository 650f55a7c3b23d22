"""Tiles of all workers, judged together: in batches of one shape, halved where memory does not suffice."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import CrackscanError

Outputs = Mapping[str, NDArray[np.float32]]  # what a network says of n tiles: each (n, ...)
Network = Callable[[Pixels], Outputs]
Note = Callable[[str], None]  # told what a person should know


class _Asked:
    """The tiles of one call, and what is known of them so far."""

    def __init__(self, tiles: Pixels) -> None:
        self.tiles, self.taken = tiles, 0
        self.answers: list[Outputs] = []
        self.fault: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.fault is not None or sum(map(_count, self.answers)) == len(self.tiles)

    def take(self, most: int) -> Pixels:
        """Return the next tiles, at most so many."""
        taken = self.tiles[self.taken : self.taken + most]
        self.taken += len(taken)
        return taken


class _Part(NamedTuple):
    """What a batch holds of one call."""

    asked: _Asked
    tiles: Pixels


class SharedBatches:
    """Gathers the tiles that workers ask about into full batches, and gives each worker its own answers.

    Nobody waits for a batch to fill up: while one is judged, the others' tiles gather for the next one. The
    worker whose turn it is judges for all. A batch always has the same shape, the last one padded, so that a
    network is compiled once, its memory stays flat, and a tile's answer knows nothing of its neighbours.
    """

    def __init__(
        self,
        compiled: Callable[[int], Network],
        size: int,
        *,
        exhausted: type[Exception] = MemoryError,
        note: Note | None = None,
    ) -> None:
        """Judge by networks that `compiled` returns for batches of so many tiles, at first `size`.

        exhausted: what a network raises for want of memory. note: is told, once for each halving.
        """
        self._compiled, self._exhausted, self._note = compiled, exhausted, note
        self._size, self._network = size, compiled(size)
        self._waiting: deque[_Asked] = deque()
        self._turn = threading.Lock()

    def predict(self, tiles: Pixels) -> Outputs:
        """Return what the network says of tiles, at least one; any number of threads may ask at once.

        Raises: CrackscanError: memory does not suffice for a single tile.
        """
        asked = _Asked(tiles)
        self._waiting.append(asked)
        with self._turn:
            while not asked.settled:
                self._judge_next()
        if asked.fault is not None:
            raise asked.fault
        return _joined(asked.answers)

    def _judge_next(self) -> None:
        """Judge one batch of what waits, first come, first served."""
        parts = self._gathered()
        try:
            answers = self._judged(np.concatenate([part.tiles for part in parts]))
        except BaseException as fault:
            for part in parts:
                part.asked.fault = fault
            raise
        at = 0
        for part in parts:
            after = at + len(part.tiles)
            part.asked.answers.append({name: answer[at:after] for name, answer in answers.items()})
            at = after

    def _gathered(self) -> list[_Part]:
        parts, free = [], self._size
        while free and self._waiting:
            first = self._waiting[0]
            parts.append(_Part(first, first.take(free)))
            free -= len(parts[-1].tiles)
            if first.taken == len(first.tiles):
                self._waiting.popleft()
        return parts

    def _judged(self, tiles: Pixels) -> Outputs:
        while True:
            try:
                starts = range(0, len(tiles), self._size)
                return _joined([self._padded(tiles[at : at + self._size]) for at in starts])
            except self._exhausted as fault:
                self._halve(fault)

    def _padded(self, tiles: Pixels) -> Outputs:
        missing = self._size - len(tiles)
        answers = self._network(np.pad(tiles, ((0, missing), (0, 0), (0, 0), (0, 0))))
        return {name: answer[: len(tiles)] for name, answer in answers.items()}

    def _halve(self, fault: Exception) -> None:
        if self._size == 1:
            raise CrackscanError(
                "The device is out of memory for a single tile; free some of it, or use --engine litert."
            ) from fault
        before, self._size = self._size, self._size // 2
        self._network = self._compiled(self._size)
        if self._note:
            self._note(
                f"The device is out of memory for {before} tiles at once: going on with {self._size}. "
                f"--batch {self._size} starts with that."
            )


def _count(answers: Outputs) -> int:
    return len(next(iter(answers.values())))


def _joined(answers: list[Outputs]) -> Outputs:
    return {name: np.concatenate([part[name] for part in answers]) for name in answers[0]}
