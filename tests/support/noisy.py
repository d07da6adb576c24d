"""An encoder that a base can be tuned on within a second."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.encoders import Progress, Role, unit_rows

DIMENSION = 24


@dataclass
class NoisyEncoder:
    """Half of a vector says what a text is about, by its `subject`, the other half, the louder one, says nothing."""

    subjects: dict[str, int] = field(default_factory=dict)
    id: str = "noisy"
    revision: str = "1"
    dimension: int = DIMENSION
    has_roles: bool = False

    def text(self, subject: int, number: int) -> str:
        """One of any number of texts about a subject; no two share a word."""
        letters = np.random.default_rng((subject, number)).choice(list("abcdefghijklmnopqrstuvwxyz"), size=12)
        text = "".join(letters)
        self.subjects[text] = subject
        return text

    def encode(
        self, texts: Sequence[str], on_progress: Progress | None = None, *, role: Role = "passage"
    ) -> np.ndarray:
        """See `Encoder.encode`."""
        rows = np.zeros((len(texts), DIMENSION))
        for row, text in zip(rows, texts, strict=True):
            subject = self.subjects.get(text, 999)
            own = np.random.default_rng(list(text.encode()))
            row[: DIMENSION // 2] = np.random.default_rng(subject).normal(size=DIMENSION // 2)
            row += own.normal(size=DIMENSION) * np.repeat([0.6, 2.0], DIMENSION // 2)
        return unit_rows(rows)
