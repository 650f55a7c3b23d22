"""Fitting of the out-of-distribution detector: concrete in any light against pictures of other things."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from crackscan.basics.arrays import Float32s, Float64s, Pixels
from crackscan.model.ood import OODDetector, describe_samples, expand, sample_pixels
from crackscan.training.samples.lights import CASTS, COLOURED, cast, regrade

RELIGHTS = 2  # random lights in which each tile is learned
STRENGTH = 0.02  # of the regularisation: scikit-learn's C
BATCH = 64  # tiles


@dataclass(frozen=True, slots=True)
class Figures:
    """What `describe_samples` returns for the tiles of one kind, as they are and in other lights."""

    group: str  # the dataset or picture that the tiles come from
    kind: str  # the class, or what the tiles show
    natural: Float32s  # (n, d)
    casts: Float32s  # (lights, n, d); of concrete in the order of CASTS
    random: Float32s  # (RELIGHTS, n, d) of concrete, (0, n, d) of other things

    def learned(self) -> Float32s:
        """Return what a detector learns from, (m, d)."""
        return np.concatenate([self.natural, *self.casts, *self.random])


@dataclass(slots=True)
class FiguresBuilder:
    """Collects the figures of tiles; it keeps no pixels but those of one batch.

    Other things than concrete get coloured light only. Grass on grey film may look like rough concrete.
    """

    seed: int
    is_concrete: bool
    _waiting: dict[tuple[str, str], list[Pixels]] = field(default_factory=dict)
    _parts: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)

    def add(self, group: str, kind: str, tile: Pixels) -> None:
        """Describe one tile, uint8 (s, s, 3)."""
        waiting = self._waiting.setdefault((group, kind), [])
        waiting.append(sample_pixels(tile[np.newaxis])[0])
        if len(waiting) == BATCH:
            self._describe(group, kind)

    def finish(self) -> list[Figures]:
        """Return the figures of all tiles, group by group and kind by kind."""
        for key in self._waiting:
            self._describe(*key)
        return [_join(parts) for parts in self._parts.values() if parts]

    def _describe(self, group: str, kind: str) -> None:
        samples, parts = self._waiting[group, kind], self._parts.setdefault((group, kind), [])
        if not samples:
            return
        self._waiting[group, kind] = []
        natural = np.stack(samples)
        rng = np.random.default_rng([self.seed, len(parts), *f"{group}\n{kind}".encode()])
        names, relights = (CASTS, RELIGHTS) if self.is_concrete else (COLOURED, 0)
        plain = describe_samples(natural)
        casts = [describe_samples(cast(natural, name)) for name in names]
        random = [
            describe_samples(np.stack([regrade(tile, rng) for tile in natural])) for _ in range(relights)
        ]
        lights = (np.array(light, np.float32).reshape(-1, *plain.shape) for light in (casts, random))
        parts.append(Figures(group, kind, plain, *lights))


def fit_detector(concrete: Sequence[Figures], others: Sequence[Figures]) -> OODDetector:
    """Fit a detector: concrete and other things count the same in all.

    Each dataset of concrete counts the same; a kind of other things counts by the root of its size.
    """
    from sklearn.linear_model import LogisticRegression  # of the extra `train`, which scanning does not need

    learned = [figures.learned() for figures in (*concrete, *others)]
    weights = np.concatenate([*_weights_of_concrete(concrete), *_weights_of_others(others)])
    labels = np.repeat([False] * len(concrete) + [True] * len(others), [len(rows) for rows in learned])
    rows = np.concatenate(learned)
    plain = OODDetector(rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-3), np.zeros(1, np.float32))
    model = LogisticRegression(C=STRENGTH, max_iter=100)
    terms = expand(plain.standardise(rows))[:, 1:]
    model.fit(terms, labels, sample_weight=weights * len(weights) / weights.sum())
    fitted = np.concatenate([model.intercept_, model.coef_[0]]).astype(np.float32)
    return OODDetector(plain.means, plain.deviations, fitted)


def _weights_of_concrete(concrete: Sequence[Figures]) -> list[Float64s]:
    sizes: Counter[str] = Counter()
    for figures in concrete:
        sizes[figures.group] += len(figures.natural)
    return [np.full(len(figures.learned()), 1 / sizes[figures.group] / len(sizes)) for figures in concrete]


def _weights_of_others(others: Sequence[Figures]) -> list[Float64s]:
    sizes: Counter[str] = Counter()
    for figures in others:
        sizes[figures.kind] += len(figures.natural)
    roots = sum(size**0.5 for size in sizes.values())
    return [np.full(len(figures.learned()), sizes[figures.kind] ** -0.5 / roots) for figures in others]


def _join(parts: Sequence[Figures]) -> Figures:
    first = parts[0]
    return Figures(
        first.group,
        first.kind,
        np.concatenate([part.natural for part in parts]),
        np.concatenate([part.casts for part in parts], axis=1),
        np.concatenate([part.random for part in parts], axis=1),
    )
