"""A learned score per entry: one-vs-rest kernel ridge regression over all views of all entries."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# kernel(a, b) = exp(SHARPNESS * (cos(a, b) - 1)), which for unit vectors is the Gaussian kernel; ridge penalty. Both
# stand in a wide flat optimum on leave-out questions: 1 to 4 and 0.1 to 0.5 differ by less than half a point of hit@1.
SHARPNESS = 2.0
PENALTY = 0.2
# Up to so many rows the solution is exact; beyond, fewer stand for all (Nystroem method, subset of regressors), which
# costs 0.3 points of hit@1 on 150 entries of ten phrasings and keeps a score under half a millisecond at any size.
MOST_EXACT = 2048
LANDMARKS = 1024

_BLOCK = 8192
_JITTER = 1e-9


class KernelRidge:
    """Scores entries by f(x) = sum_j c[entry, j] * kernel(x, landmark_j), fitted so that f is 1 on the entry's own rows
    and 0 on all others' (Rifkin, Yeo and Poggio 2003, "Regularized Least-Squares Classification").

    `landmarks` (m, d) float32 unit rows, `coefficients` (entries, m) float32.
    """

    def __init__(self, landmarks: NDArray[np.float32], coefficients: NDArray[np.float32]) -> None:
        self._landmarks, self._coefficients = landmarks, coefficients

    @classmethod
    def fit(cls, vectors: NDArray[np.float32], entry_of: Integers, weights: Floats, entries: int) -> Self:
        """Fit on `vectors` (n, d), row i belonging to entry `entry_of[i]` < `entries` with importance `weights[i]` > 0.

        Closed form: exact in O(n^3) up to MOST_EXACT rows, O(n * LANDMARKS^2) beyond.
        """
        size = len(vectors) if len(vectors) <= MOST_EXACT else LANDMARKS
        landmarks = np.ascontiguousarray(vectors[np.linspace(0, len(vectors) - 1, size).astype(np.int64)])
        if size == len(vectors):
            matrix = _kernel(landmarks, landmarks) + np.diag(PENALTY / weights)
            targets = np.zeros((len(vectors), entries))
            targets[np.arange(len(vectors)), entry_of] = 1
        else:
            matrix, targets = _normal_equations(landmarks, vectors, entry_of, weights, entries)
        solution = linalg.solve(matrix, targets, assume_a="pos", overwrite_a=True, overwrite_b=True, check_finite=False)
        return cls(landmarks, np.ascontiguousarray(solution.T, dtype=np.float32))

    def scores(self, vector: NDArray[np.float32], entries: Integers) -> Floats:
        """(len(entries),) how much the question's `vector` (d,) belongs to each of `entries`; about 1 is certain."""
        kernel = np.exp(SHARPNESS * (self._landmarks @ vector - 1), dtype=np.float32)
        scores: Floats = (self._coefficients[entries] @ kernel).astype(np.float64)
        return scores

    def save(self, path: Path) -> None:
        """Write `path`.landmarks.npy and `path`.coefficients.npy."""
        np.save(f"{path}.landmarks.npy", self._landmarks, allow_pickle=False)
        np.save(f"{path}.coefficients.npy", self._coefficients, allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote, memory-mapped. OSError or ValueError when a file is missing or not an array."""
        names = (f"{path}.landmarks.npy", f"{path}.coefficients.npy")
        return cls(*(np.load(name, mmap_mode="r", allow_pickle=False) for name in names))


def _kernel(left: NDArray[np.float32], right: NDArray[np.float32]) -> Floats:
    kernel: Floats = np.exp(SHARPNESS * (left @ right.T - 1), dtype=np.float64)
    return kernel


def _normal_equations(
    landmarks: NDArray[np.float32], vectors: NDArray[np.float32], entry_of: Integers, weights: Floats, entries: int
) -> tuple[Floats, Floats]:
    """(m, m) and (m, entries) of the weighted least-squares problem in the landmarks' span, by blocks of rows.

    In double precision and with a small constant on the diagonal, so that it has a solution when landmarks are alike.
    """
    matrix = PENALTY * _kernel(landmarks, landmarks)
    targets = np.zeros((entries, len(landmarks)))
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        features = _kernel(vectors[rows], landmarks)
        weighted = features * weights[rows, None]
        matrix += features.T @ weighted
        np.add.at(targets, entry_of[rows], weighted)
    matrix[np.diag_indices_from(matrix)] += _JITTER * np.trace(matrix)
    return matrix, targets.T
