"""Exact nearest neighbours by cosine similarity. The only module that imports FAISS."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from indexer.encoders import unit_rows


class FaissIndex:
    """Vectors by row number, searched exactly (IndexFlatIP; Douze et al. 2024, arXiv:2401.08281).

    Vectors and queries are scaled to unit norm on the way in, so a similarity is always a cosine in [-1, 1] (up to
    float32 rounding) whatever the caller gives; zero vectors stay zero and have similarity 0 to everything.
    """

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> Self:
        """An index over `vectors` (n, d), n >= 0; row i is found as i. ValueError unless two-dimensional."""
        if vectors.ndim != 2:
            raise ValueError(f"expected vectors of shape (n, d), got {vectors.shape}")
        index = _faiss().IndexFlatIP(vectors.shape[1])
        index.add(unit_rows(vectors))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The index `save` wrote, memory-mapped so that several processes share its pages.

        RuntimeError when FAISS cannot read the file.
        """
        return cls(_faiss().read_index(str(path), _faiss().IO_FLAG_MMAP_IFC))

    def save(self, path: Path) -> None:
        """Write the index to the local file `path`."""
        _faiss().write_index(self._index, str(path))

    @property
    def ntotal(self) -> int:
        """Number of vectors."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return int(self._index.d)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(ntotal, dimension) float32 of unit or zero norm, read-only, without copying; valid while the index lives."""
        if not self.ntotal:
            return np.zeros((0, self.dimension), dtype=np.float32)
        flat: NDArray[np.float32] = _faiss().rev_swig_ptr(self._index.get_xb(), self.ntotal * self.dimension)
        view = flat.reshape(self.ntotal, self.dimension)
        view.flags.writeable = False
        return view

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The min(k, ntotal) most similar rows of each of `queries` (m, d).

        Returns cosine similarities and row numbers, both (m, min(k, ntotal)), most similar first, equal ones by row.
        Among rows exactly as similar as the last one returned, which are returned is FAISS's choice.
        """
        k = min(k, self.ntotal)
        if k <= 0:
            empty = (len(queries), 0)
            return np.zeros(empty, dtype=np.float32), np.zeros(empty, dtype=np.int64)
        similarities, rows = self._index.search(unit_rows(queries), k)
        order = np.lexsort((rows, -similarities), axis=1)
        return np.take_along_axis(similarities, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _faiss() -> Any:
    """Imported at the first use, so that importing the service does not load it."""
    import faiss

    return faiss
