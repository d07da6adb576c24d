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

    `nearest`: cosine of the question and the entry's nearest phrasing, in any locale. `subject`: mean cosine to the
    entry's views (phrasings, answer, keywords) over the mean cosine among those views; 1 is as near as they are to one
    another. `learned`: kernel ridge score, about 1 for a question like the entry's own and 0 for one like others'.
    `words`: share of the question's words that the entry has, by rarity and curators' weights, in [0, 1). `spelling`:
    how alike their words are spelt, in [0, 1]. `lead`: log-odds of this entry against all other candidates together,
    by the combined score; 0 when there is no other. `exact`: 1 where the question is one of the entry's phrasings but
    for case, accents and punctuation, and no other entry's; else 0.
    """

    nearest: float
    subject: float
    learned: float
    words: float
    spelling: float
    lead: float
    exact: float


@dataclass(frozen=True, slots=True)
class TermContribution:
    """A word of the question or a curator's keyword, and how much of the candidate's score it made, in nats.

    `keyword` is the part of `amount` that a keyword made, and `weight` the curator's weight for it, 0 where there is
    none.
    """

    term: str
    amount: float
    keyword: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Wording:
    """How a question's words stand to the base.

    `entries` have the question among their phrasings but for case, accents and punctuation. `unmatched`: its words
    (folded, no stop words) that no text or keyword of the one entry that was looked at has, not even nearly spelt.
    """

    entries: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may answer the question.

    `document` is the entry in the customer's locale or by the fallback chain, and `locale` says in which it is.
    `phrasing` is the text that was nearest, in whatever locale. `confidence` in [0, 1] is the calibrated probability of
    being the right answer. `score`, comparable within one query only, orders the candidates behind an exact one; it
    is in nats: one more is e times as likely.
    """

    entry: str
    locale: str
    document: Document
    phrasing: str
    signals: Signals
    score: float
    confidence: float
    terms: tuple[TermContribution, ...]
