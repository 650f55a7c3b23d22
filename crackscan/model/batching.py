"""Batches that all workers share: of one shape, halved where the device is out of memory."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.errors import CrackscanError

Outputs = Mapping[str, Float32s]  # of a network, by name, for n tiles: each (n, ...)
Network = Callable[[Pixels], Outputs]
Note = Callable[[str], None]  # called with one sentence for a person, as `Progress.note`


class _Request:
    """The tiles of one call of `predict`, and the outputs for them so far."""

    def __init__(self, tiles: Pixels) -> None:
        self.tiles, self.taken = tiles, 0
        self.outputs: list[Outputs] = []
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.error is not None or sum(map(_count, self.outputs)) == len(self.tiles)

    def take(self, limit: int) -> Pixels:
        """Return the next tiles, at most `limit`."""
        tiles = self.tiles[self.taken : self.taken + limit]
        self.taken += len(tiles)
        return tiles


class _Share(NamedTuple):
    """The tiles of a batch that belong to one request."""

    request: _Request
    tiles: Pixels


class SharedBatches:
    """Collects the tiles of all workers into full batches, and gives each worker its own outputs.

    Nobody waits for a batch to fill up: while one is computed, the other workers' tiles collect for the next
    one. The worker that holds the lock computes for all. All batches have the same shape, the last one
    padded, so that a network is compiled once, its memory stays constant, and a tile's output does not
    depend on its neighbours in the batch.
    """

    def __init__(
        self,
        compile_network: Callable[[int], Network],
        size: int,
        *,
        out_of_memory: type[Exception] = MemoryError,
        note: Note | None = None,
    ) -> None:
        """Begin with batches of `size` tiles.

        Args:
            compile_network: returns the network for batches of a given size.
            size: tiles in a batch, at least 1.
            out_of_memory: the exception that a network raises then.
            note: called at each halving.
        """
        self._compile_network, self._out_of_memory, self._note = compile_network, out_of_memory, note
        self._size, self._network = size, compile_network(size)
        self._waiting: deque[_Request] = deque()
        self._lock = threading.Lock()

    def predict(self, tiles: Pixels) -> Outputs:
        """Return the network's outputs; any number of threads may call this at once.

        tiles: uint8 RGB, (n, height, width, 3), n >= 1, of one height and width in all calls.

        Raises: CrackscanError: the device is out of memory for a single tile.
        """
        request = _Request(tiles)
        self._waiting.append(request)
        with self._lock:
            while not request.is_done:
                self._compute_next_batch()
        if request.error is not None:
            raise request.error
        return _concatenate(request.outputs)

    def _compute_next_batch(self) -> None:
        """Compute one batch of waiting tiles, first come, first served."""
        shares = self._collect_shares()
        try:
            outputs = self._compute(np.concatenate([share.tiles for share in shares]))
        except BaseException as error:
            for share in shares:
                share.request.error = error
            raise
        start = 0
        for share in shares:
            end = start + len(share.tiles)
            share.request.outputs.append({name: output[start:end] for name, output in outputs.items()})
            start = end

    def _collect_shares(self) -> list[_Share]:
        shares, free = [], self._size
        while free and self._waiting:
            first = self._waiting[0]
            shares.append(_Share(first, first.take(free)))
            free -= len(shares[-1].tiles)
            if first.taken == len(first.tiles):
                self._waiting.popleft()
        return shares

    def _compute(self, tiles: Pixels) -> Outputs:
        while True:
            try:
                starts = range(0, len(tiles), self._size)
                return _concatenate([self._compute_padded(tiles[at : at + self._size]) for at in starts])
            except self._out_of_memory as error:
                self._halve(error)

    def _compute_padded(self, tiles: Pixels) -> Outputs:
        missing = self._size - len(tiles)
        outputs = self._network(np.pad(tiles, ((0, missing), (0, 0), (0, 0), (0, 0))))
        return {name: output[: len(tiles)] for name, output in outputs.items()}

    def _halve(self, error: Exception) -> None:
        if self._size == 1:
            raise CrackscanError(
                "The device is out of memory for a single tile; free some of it, or use --engine litert."
            ) from error
        before, self._size = self._size, self._size // 2
        self._network = self._compile_network(self._size)
        if self._note:
            self._note(
                f"The device is out of memory for {before} tiles at once: continuing with {self._size}. "
                f"--batch {self._size} starts with that."
            )


def _count(outputs: Outputs) -> int:
    return len(next(iter(outputs.values())))


def _concatenate(parts: list[Outputs]) -> Outputs:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
