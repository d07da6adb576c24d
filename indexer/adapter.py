"""A linear map on an encoder's vectors, learned from which texts of a base belong together."""

import hashlib
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from indexer.encoders import unit_rows

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# How sharply mean cosines tell entries apart, and the weight of the prior; chosen on leave-out questions, see ADR 9.
SHARPNESS = 10.0
PENALTY = 20.0
# Nothing changes after some 20 steps. More rows cost time and teach little that these do not.
_STEPS = 20
_MOST_ROWS = 3000
_TINY = np.float32(1e-9)


class Adapter:
    """x -> x @ matrix, scaled to unit norm, for unit vectors x; a zero vector stays zero. `matrix` (d, d) float32."""

    def __init__(self, matrix: NDArray[np.floating]) -> None:
        self._matrix = np.ascontiguousarray(matrix, dtype="<f4")

    def __eq__(self, other: object) -> bool:
        """Equal matrices."""
        return isinstance(other, Adapter) and np.array_equal(self._matrix, other._matrix)

    def __hash__(self) -> int:
        """That of the revision."""
        return hash(self.revision)

    @property
    def revision(self) -> str:
        """16 hexadecimal digits that identify the matrix."""
        return hashlib.sha256(self._matrix.tobytes()).hexdigest()[:16]

    def apply(self, vectors: Vectors) -> Vectors:
        """The adapted `vectors` (n, d)."""
        return unit_rows(vectors @ self._matrix)

    def save(self, path: Path) -> None:
        """Write the matrix to `path`, which ends with .npy."""
        np.save(path, self._matrix, allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote. OSError or ValueError when the file is missing or not an array."""
        return cls(np.load(path, allow_pickle=False))


def learn_adapter(vectors: Vectors, entry_of: Integers) -> Adapter:
    """The adapter under which each of `vectors` (n, d) is nearest to the others of its entry, `entry_of` (n,) >= 0.

    Maximum a posteriori: each vector is classified by a softmax over its mean cosines to the entries' vectors, itself
    left out (prototypical networks, Snell, Swersky and Zemel 2017; leaving out as in neighbourhood components analysis,
    Goldberger et al. 2004), under a normal prior around the identity. So few texts change little, and where no entry
    has two texts nothing changes. Beyond 3,000 texts a part of the entries stands for all.
    """
    dimension = vectors.shape[1]
    vectors, owners = _sample(vectors, entry_of)
    start = np.zeros(dimension * dimension)
    if not len(vectors):
        return Adapter(np.eye(dimension))
    loss = _Loss(vectors, owners)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    return Adapter(np.eye(dimension) + found.reshape(dimension, dimension))


class _Loss:
    """Negative log posterior of a residual matrix, and its gradient."""

    def __init__(self, vectors: Vectors, owners: Integers) -> None:
        self._vectors, self._owners, self._rows = vectors, owners, np.arange(len(owners))
        sizes = np.bincount(owners)
        self._one_hot = np.zeros((len(owners), len(sizes)), dtype=np.float32)
        self._one_hot[self._rows, owners] = 1
        # Row i's sum over its own entry is without itself; a row that is its entry's only one is not classified.
        self._per_text = np.repeat(1 / sizes[None].astype(np.float32), len(owners), axis=0)
        self._per_text[self._rows, owners] = 1 / np.maximum(sizes[owners] - 1, 1)
        self._classified = (sizes[owners] > 1).astype(np.float32)

    def __call__(self, residual: Floats) -> tuple[float, Floats]:
        """For `residual` (d * d,)."""
        dimension = self._vectors.shape[1]
        matrix = residual.reshape(dimension, dimension).astype(np.float32)
        moved = self._vectors + self._vectors @ matrix
        norms = np.linalg.norm(moved, axis=1, keepdims=True) + _TINY
        unit = moved / norms
        surprise, away = self._classify(unit)
        away = (away - np.einsum("ij,ij->i", away, unit)[:, None] * unit) / norms
        gradient = (self._vectors.T @ away + 2 * PENALTY * matrix).astype(np.float64)
        return surprise + PENALTY * float(residual @ residual), gradient.ravel()

    def _classify(self, unit: Vectors) -> tuple[float, Vectors]:
        """The sum of -log(probability of the own entry), and its gradient with respect to `unit`."""
        sums = self._one_hot.T @ unit
        own = np.einsum("ij,ij->i", unit, unit)
        logits = unit @ sums.T
        logits[self._rows, self._owners] -= own
        logits *= SHARPNESS * self._per_text
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        chosen = shares[self._rows, self._owners]
        surprise = -float(self._classified @ np.log(chosen + _TINY))
        slope = (shares - self._one_hot) * self._per_text * (SHARPNESS * self._classified)[:, None]
        gradient = slope @ sums + self._one_hot @ (slope.T @ unit)
        gradient -= 2 * slope[self._rows, self._owners][:, None] * unit
        return surprise, gradient


def _sample(vectors: Vectors, entry_of: Integers) -> tuple[Vectors, Integers]:
    """The rows to learn from and their entries, numbered from 0; of too many, whole entries of more than one row."""
    _, owners, sizes = np.unique(entry_of, return_inverse=True, return_counts=True)
    if (sizes < 2).all():
        return vectors[:0], owners[:0]
    if len(owners) > _MOST_ROWS:
        shuffled = np.random.default_rng(len(sizes)).permutation(np.flatnonzero(sizes > 1))
        chosen = shuffled[: np.searchsorted(np.cumsum(sizes[shuffled]), _MOST_ROWS) + 1]
        kept = np.isin(owners, chosen)
        vectors, owners = vectors[kept], np.unique(owners[kept], return_inverse=True)[1]
    return np.ascontiguousarray(vectors, dtype=np.float32), owners
