"""Fits a base's own parameters to the questions it can ask of itself and to those that people have judged."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from indexer._collection import Collection
from indexer.calibration import Outcomes, calibrate
from indexer.combination import Weights, learn_weights
from indexer.confidence import ConfidenceModel, Goal
from indexer.documents import Document
from indexer.leave_out import Examples, Labelled, gather, judge
from indexer.lexical import FieldWeights

Progress = Callable[[int, int], None]
Vectors = Callable[[list[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What ranking and decision use besides the content.

    `fitted_to` is the highest change of the content they were fitted to, -1 for the starting values; content that is
    newer keeps them until the next fit. `labelled` is how many questions judged by people there were then.
    """

    weights: Weights = Weights()
    confidence: ConfidenceModel = ConfidenceModel()
    fields: FieldWeights = FieldWeights()
    fitted_to: int = -1
    labelled: int = 0

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types; `from_dict` turns it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The parameters `to_dict` described. KeyError, TypeError or ValueError when `data` is no such description."""
        return cls(
            Weights(**data["weights"]),
            ConfidenceModel.from_dict(data["confidence"]),
            FieldWeights(**data["fields"]),
            int(data["fitted_to"]),
            int(data["labelled"]),
        )


def fit(
    documents: Sequence[Document],
    vectors_of: Vectors,
    query_vectors_of: Vectors,
    *,
    goal: Goal,
    fields: FieldWeights,
    labelled: Sequence[Labelled] = (),
    fitted_to: int = 0,
    on_progress: Progress | None = None,
) -> Parameters:
    """The parameters for sorted `documents` of one kind; `vectors_of` and `query_vectors_of` give texts' unit vectors.

    Curators' keyword weights other than 0 have no say in it: a base whose keyword is raised keeps its parameters, so
    that all that changes is what the curator changed.
    """
    plain = [_with_equal_keywords(document) for document in documents]
    rows = gather(plain, vectors_of, query_vectors_of, fields, on_progress)
    if labelled:
        rows += judge(Collection.build(plain, vectors_of, fields), labelled, query_vectors_of)
    examples = Examples.of(rows)
    found = examples.right >= 0
    weights = learn_weights(examples.signals[found], examples.right[found], examples.importance[found])
    confidence = calibrate(Outcomes.of(examples, weights), goal)
    return Parameters(weights, confidence, fields, fitted_to, len(labelled))


def _with_equal_keywords(document: Document) -> Document:
    return replace(document, keywords=tuple(replace(k, weight=float(k.weight > 0)) for k in document.keywords))
