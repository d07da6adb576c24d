"""Fits a base's own parameters to the questions it can ask of itself and to those that people have judged."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from indexer._collection import Collection
from indexer.adapter import Adapter, learn_adapter
from indexer.calibration import LEAST_ANSWERABLE, LEAST_UNANSWERABLE, Outcomes, calibrate
from indexer.combination import Weights, learn_weights
from indexer.confidence import ConfidenceModel, Goal
from indexer.documents import Document
from indexer.errors import TooFewQuestions
from indexer.leave_out import Examples, Labelled, gather, judge, number_of_copies
from indexer.lexical import FieldWeights
from indexer.text import same_wording
from indexer.tuning import LEAST_ENTRIES, Tuning, measure_gain
from indexer.views import phrasings

Progress = Callable[[int, int], None]
Vectors = Callable[[list[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What ranking and decision use besides the content.

    `fitted_to` is the highest change of the content they were fitted to, -1 for the starting values; content that is
    newer keeps them until the next fit. `labelled` is how many questions judged by people there were then. `tuning`
    adapts the encoder's vectors, where that was found to be better.
    """

    weights: Weights = Weights()
    confidence: ConfidenceModel = ConfidenceModel()
    fields: FieldWeights = FieldWeights()
    fitted_to: int = -1
    labelled: int = 0
    tuning: Tuning | None = None

    @property
    def adapter(self) -> Adapter | None:
        """What the tuning learned."""
        return self.tuning.adapter if self.tuning else None

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types; `from_dict` turns it back, given the adapter."""
        return asdict(replace(self, tuning=None)) | {"tuning": self.tuning.to_dict() if self.tuning else None}

    @classmethod
    def from_dict(cls, data: dict[str, Any], adapter: Adapter | None = None) -> Self:
        """The parameters `to_dict` described. KeyError, TypeError or ValueError when `data` is no such description."""
        return cls(
            Weights(**data["weights"]),
            ConfidenceModel.from_dict(data["confidence"]),
            FieldWeights(**data["fields"]),
            int(data["fitted_to"]),
            int(data["labelled"]),
            Tuning.from_dict(data["tuning"], adapter) if data["tuning"] else None,
        )


@dataclass(frozen=True, slots=True)
class Sources:
    """What parameters are fitted to: sorted `documents` of one kind, and the questions that people have `judged`.

    `vectors_of` and `query_vectors_of` give the encoder's own unit vectors of texts.
    """

    documents: Sequence[Document]
    vectors_of: Vectors
    query_vectors_of: Vectors
    fields: FieldWeights
    judged: Sequence[Labelled] = ()

    def plain(self) -> Self:
        """With the same weight for all keywords that are not muted.

        Curators' keyword weights have no say in a fit: a base whose keyword is raised keeps its parameters, so that all
        that changes is what the curator changed.
        """
        return replace(self, documents=[_with_equal_keywords(document) for document in self.documents])

    def examples(self, *, tuned: bool, on_progress: Progress | None = None) -> Examples:
        """What copies of the base answer to what they lack, and the whole base to the judged questions.

        `tuned`: whatever is asked, vectors are adapted by an adapter that has not learned from it, since one that has
        would know the answer. Each copy has its own, and a part of the judged questions is asked of the base with it.
        """
        copies = max(1, number_of_copies(self.documents))
        adapters: list[Adapter] = []

        def learn(copy: int, documents: Sequence[Document], asked: Sequence[str]) -> Adapter:
            """From the copy's phrasings, and the judged questions but for its part and what the copy is asked."""
            unknown = {same_wording(text) for text in asked}
            judged = [
                question
                for question in self.judged
                if _part(question, copies) != copy and same_wording(question.text) not in unknown
            ]
            adapters.append(replace(self, documents=documents, judged=judged).learned()[0])
            return adapters[-1]

        rows = gather(
            self.documents, self.vectors_of, self.query_vectors_of, self.fields, on_progress, learn if tuned else None
        )
        if tuned and not adapters:
            learn(0, self.documents, ())
        whole: Collection | None = None
        for copy in range(copies):
            questions = [question for question in self.judged if _part(question, copies) == copy]
            if questions and (whole is None or tuned):
                adapter = adapters[copy] if tuned else None
                whole = Collection.build(self.documents, self.vectors_of, self.fields, adapter)
            if questions and whole:
                rows += judge(whole, questions, self.query_vectors_of)
        return Examples.of(rows)

    def learned(self) -> tuple[Adapter, int, int]:
        """An adapter, and from how many phrasings and confirmed questions it was learned, equal ones counted once."""
        entries = {entry: number for number, entry in enumerate(sorted({d.entry for d in self.documents}))}
        own = {(d.entry, same_wording(text)): text for d in self.documents for text in phrasings(d)}
        confirmed = {
            (question.entry, wording): question.text
            for question in self.judged
            if question.confirmed and question.entry in entries
            if (question.entry, wording := same_wording(question.text)) not in own
        }
        vectors = [self.vectors_of(list(own.values())), self.query_vectors_of(list(confirmed.values()))]
        owners = np.array([entries[entry or ""] for entry, _ in (*own, *confirmed)], dtype=np.int64)
        return learn_adapter(np.concatenate(vectors), owners), len(own), len(confirmed)


def fit(
    sources: Sources,
    goal: Goal,
    *,
    fitted_to: int = 0,
    tuning: Tuning | None = None,
    on_progress: Progress | None = None,
) -> Parameters:
    """The parameters for `sources`; `tuning` is kept as it is."""
    examples = sources.plain().examples(tuned=tuning is not None, on_progress=on_progress)
    weights = _weights(examples)
    confidence = calibrate(Outcomes.of(examples, weights), goal)
    return Parameters(weights, confidence, sources.fields, fitted_to, len(sources.judged), tuning)


def tune(sources: Sources, goal: Goal, *, fitted_to: int = 0, on_progress: Progress | None = None) -> Parameters:
    """As `fit`, with the encoder tuned to the documents; `tuning.gain` says whether that is better than without.

    Questions that are only known not to be answered by an entry are left out. TooFewQuestions where there is too little
    to compare with.
    """
    confirmed = [question for question in sources.judged if question.confirmed]
    sources = replace(sources, judged=confirmed).plain()
    copies = number_of_copies(sources.documents)
    before = sources.examples(tuned=False, on_progress=on_progress and (lambda done, _: on_progress(done, 2 * copies)))
    _require_enough(before)
    after = sources.examples(
        tuned=True, on_progress=on_progress and (lambda done, _: on_progress(copies + done, 2 * copies))
    )
    weights = _weights(after)
    outcomes = Outcomes.of(after, weights)
    gain = measure_gain(Outcomes.of(before, _weights(before)), outcomes, goal)
    adapter, number, confirmed_number = sources.learned()
    tuning = Tuning(adapter, datetime.now(UTC).isoformat(timespec="seconds"), number, confirmed_number, gain)
    return Parameters(weights, calibrate(outcomes, goal), sources.fields, fitted_to, len(confirmed), tuning)


def _weights(examples: Examples) -> Weights:
    found = examples.right >= 0
    return learn_weights(examples.signals[found], examples.right[found], examples.importance[found])


def _require_enough(examples: Examples) -> None:
    """Raise TooFewQuestions unless the questions can tell a gain from chance."""
    counts = np.minimum(examples.importance, 1.0)
    answerable, unanswerable = (round(float(counts[own].sum())) for own in (examples.answerable, ~examples.answerable))
    entries = len(np.unique(examples.group[examples.answerable]))
    if answerable < LEAST_ANSWERABLE or unanswerable < LEAST_UNANSWERABLE or entries < LEAST_ENTRIES:
        raise TooFewQuestions(
            f"too little to compare with: {answerable} questions about {entries} entries, where {LEAST_ANSWERABLE} "
            f"about {LEAST_ENTRIES} are needed; an entry's second phrasing in a language, or a question that people "
            "have confirmed, is one more"
        )


def _part(question: Labelled, parts: int) -> int:
    """Questions of the same wording are in the same part, in whatever order they come."""
    return zlib.crc32(same_wording(question.text).encode()) % parts


def _with_equal_keywords(document: Document) -> Document:
    return replace(document, keywords=tuple(replace(k, weight=float(k.weight > 0)) for k in document.keywords))
