"""What a search gives: entries with the signals, words and phrasing that put them there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.documents import Document


@dataclass(frozen=True, slots=True)
class Query:
    """A question: its text and its vector (dimension,) from the snapshot's encoder, role "query".

    `locale` is the customer's, None if unknown. `channel` leaves out entries that are not for it; None leaves out none.
    """

    text: str
    vector: NDArray[np.float32]
    locale: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Signals:
    """Why an entry may or may not be the answer, the same for every encoder.

    `nearest`: cosine of the question and the entry's nearest phrasing, in any locale. `mean`: mean cosine to the
    phrasings of the entry's best locale. `body`: cosine to the start of its answer, 0 if it has none. `lexical`: share
    of the question's words that the entry has, by rarity and curators' weights, in [0, 1). `margin`: this entry's score
    minus the best other entry's, negative for all but the best; 0 when there is no other entry. `exact`: 1 where the
    question is one of the entry's phrasings but for case, accents and punctuation, and no other entry's; else 0.
    """

    nearest: float
    mean: float
    body: float
    lexical: float
    margin: float
    exact: float


@dataclass(frozen=True, slots=True)
class TermContribution:
    """A word of the question or a curator's keyword, and how much of the candidate's score it made."""

    term: str
    amount: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may answer the question.

    `document` is the entry in the customer's locale or by the fallback chain, and `locale` says in which it is.
    `phrasing` is the text that was nearest, in whatever locale. `confidence` in [0, 1] is the calibrated probability of
    being the right answer and orders candidates; `score`, comparable within one query only, orders those of equal
    confidence.
    """

    entry: str
    locale: str
    document: Document
    phrasing: str
    signals: Signals
    score: float
    confidence: float
    terms: tuple[TermContribution, ...]
