"""Encoders: text to unit vectors. `load_encoder` is the only way to get one; nothing heavy loads before that."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.text import clean

Role = Literal["query", "passage"]
Progress = Callable[[int, int], None]

PROFILES = {
    "multilingual": "Universal Sentence Encoder multilingual v3, 16 languages, 512 dimensions, Apache-2.0",
    "english": "all-MiniLM-L6-v2, English, 384 dimensions, Apache-2.0",
}

# Longer texts are cut here before encoding. Both profiles read far less than this (MiniLM 256 word pieces), a question
# or an answer says what it is about near its start, and 100 kB pasted into a chat must not stall the process.
MAX_CHARACTERS = 2000


class Encoder(Protocol):
    """Turns texts into vectors whose inner product is their cosine similarity.

    `id` is the name `load_encoder` was given and `revision` changes whenever the weights do: vectors of different
    (id, revision) must never be compared. `dimension` is the vectors' length.
    """

    @property
    def id(self) -> str:
        """The name it was loaded by."""

    @property
    def revision(self) -> str:
        """Identifies the weights."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    @property
    def has_roles(self) -> bool:
        """Whether a text's vector as a query differs from the one as a passage."""

    def encode(
        self, texts: Sequence[str], on_progress: Progress | None = None, *, role: Role = "passage"
    ) -> NDArray[np.float32]:
        """(len(texts), dimension) float32, each row of unit L2 norm or all zeros, never NaN.

        `on_progress(done, total)` is called after every batch. `role` chooses the model's prompt, if it has prompts.
        """


def load_encoder(name: str) -> Encoder:
    """The encoder called `name`: a profile, a local sentence-transformers folder, or a Hugging Face model name.

    Raises EncoderUnavailable, saying why in one line. A download is announced in the log before it starts.
    """
    # Imported here so that importing the service loads neither torch nor sentence-transformers.
    from indexer import _sentence_transformers

    return _sentence_transformers.load(name)


def prepare(text: str) -> str:
    """What an encoder is given for `text`: NFC, without lone surrogates, at most MAX_CHARACTERS long."""
    return clean(text[:MAX_CHARACTERS])


def unit_rows(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """`vectors` (n, d) as float32, every row scaled to unit L2 norm; a row that is zero or not finite becomes zero."""
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    usable = np.isfinite(norms) & (norms > 0)
    unit: NDArray[np.float32] = rows / np.where(usable, norms, 1).astype(np.float32)[:, None]
    unit[~usable] = 0
    return unit
