"""Parameters fitted to a base and to judgements, from texts to a promise that is kept."""

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer._collection import Collection
from indexer.combination import Weights
from indexer.confidence import ConfidenceModel, Evidence, Goal, Promise, ReliabilityBin, Thresholds
from indexer.decision import decide
from indexer.documents import Document, Keyword
from indexer.encoders import unit_rows
from indexer.fitting import Parameters, Sources, fit
from indexer.leave_out import Labelled
from indexer.lexical import FieldWeights
from indexer.ranking import Query
from tests.unit.indexer.conftest import GramEncoder

ENCODER = GramEncoder()


def fitted(
    base: Sequence[Document],
    *labelled: Labelled,
    goal: Goal = Goal(),
    fields: FieldWeights = FieldWeights(),
    **options: Any,
) -> Parameters:
    """The parameters for a base under the usual goal and fields, unless said otherwise."""
    return fit(Sources(base, ENCODER.encode, ENCODER.encode, fields, labelled), goal, **options)


SUBJECTS: dict[str, int] = {}


def asking(subject: int, number: int) -> str:
    """One of any number of texts about a subject: a word that is in no other text."""
    letters = np.random.default_rng((subject, number)).choice(list("abcdefghijklmnopqrstuvwxyz"), size=12)
    text = "".join(letters)
    SUBJECTS[text] = subject
    return text


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    """(n, 24) unit vectors of what `asking` gave, around a direction for each subject."""
    rows = np.zeros((len(texts), 24))
    for row, text in zip(rows, texts, strict=True):
        subject, own = (np.random.default_rng(seed) for seed in (SUBJECTS[text], zlib.crc32(text.encode())))
        row[:] = subject.normal(size=24) + 0.9 * own.normal(size=24)
    return unit_rows(rows)


def clustered(entries: int, texts: int) -> list[Document]:
    """Entries whose phrasings share nothing but a direction."""
    asked = {entry: [asking(entry, number) for number in range(texts)] for entry in range(entries)}
    return [Document(f"e{e:03d}", "faq", "en", 1, own[0], "", tuple(own[1:])) for e, own in asked.items()]


@pytest.fixture(scope="module")
def sample() -> tuple[list[Document], Parameters]:
    """Forty entries of four phrasings each, and the parameters fitted to them."""
    base = clustered(40, 4)
    return base, fit(Sources(base, vectors_of, vectors_of, FieldWeights()), Goal(), fitted_to=9)


def test_the_promise_is_kept_by_questions_nobody_has_seen(sample: tuple[list[Document], Parameters]) -> None:
    """Customers' questions about the same subjects, and one in ten about others: of the replies as many are right as
    wanted, and as many questions are answered as promised or more, because the copies lacked something."""
    base, parameters = sample
    promise = parameters.confidence.promise
    assert promise is not None
    collection = Collection.build(base, vectors_of)
    questions = [(asking(n % 40, 1000 + n), f"e{n % 40:03d}") for n in range(1800)]
    questions += [(asking(5000 + n, 0), "") for n in range(200)]
    replies = []
    for text, entry in questions:
        query = Query(text, vectors_of([text])[0])
        ranked = collection.rank(query, parameters.weights, parameters.confidence, 5)
        if decide(ranked, parameters.confidence).outcome == "answer":
            replies.append(ranked[0].entry == entry)
    assert np.mean(replies) > 0.95 - 0.02
    assert len(replies) / len(questions) > promise.coverage - 0.05


def test_fitting_is_the_same_every_time(sample: tuple[list[Document], Parameters]) -> None:
    """To the last bit; the parameters say to what they were fitted."""
    base, parameters = sample
    again = fit(Sources(base, vectors_of, vectors_of, FieldWeights()), Goal(), fitted_to=9)
    assert again == parameters
    assert (parameters.fitted_to, parameters.fields, parameters.labelled) == (9, FieldWeights(), 0)
    assert parameters.confidence.evidence.answerable == 144
    assert parameters.confidence.evidence.unanswerable == 120


def test_a_base_learns_what_its_own_questions_teach(sample: tuple[list[Document], Parameters]) -> None:
    """Where texts share no words, these keep the weight they had; the threshold follows from the questions."""
    _, parameters = sample
    start, learned = Weights(), parameters.weights
    assert (learned.words, learned.spelling) == pytest.approx((start.words, start.spelling), abs=0.2)
    assert abs(learned.subject - start.subject) > 1
    assert parameters.confidence.thresholds.answer != 0.95


WORDS = ("card", "stolen", "fee", "abroad", "pin", "transfer", "late")
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
WEIGHTS = st.floats(0.001, 1e6)


@st.composite
def bases(draw: st.DrawFn) -> list[Document]:
    """Two to five entries of a few words, with keywords of weight 1 and muted ones."""
    weight = st.sampled_from([0.0, 1.0])
    return [
        Document(
            f"e{number}",
            "faq",
            "en",
            1,
            draw(TEXT),
            draw(TEXT),
            tuple(draw(st.lists(TEXT, max_size=2))),
            tuple(draw(st.lists(st.builds(Keyword, TEXT, weight), max_size=3))),
        )
        for number in range(draw(st.integers(2, 5)))
    ]


@settings(max_examples=30)
@given(bases(), st.data(), st.lists(st.builds(Labelled, TEXT, st.sampled_from(["e0", "e1", None])), max_size=3))
def test_raising_a_keyword_does_not_change_the_parameters(
    base: list[Document], data: st.DataObject, labelled: list[Labelled]
) -> None:
    """So that all that changes is what the curator changed: one entry's words."""

    def raised(keyword: Keyword) -> Keyword:
        return replace(keyword, weight=data.draw(WEIGHTS)) if keyword.weight else keyword

    changed = [replace(document, keywords=tuple(map(raised, document.keywords))) for document in base]
    assert fitted(changed, *labelled) == fitted(base, *labelled)


def test_judgements_join_the_fit(sample: tuple[list[Document], Parameters]) -> None:
    """They are counted, and what people say was wrong lowers confidence."""
    base, parameters = sample
    goal, fields = Goal(), FieldWeights()
    said = [Labelled(asking(n, 100), f"e{n:03d}", weight=3.0) for n in range(30)]
    wrong = [replace(question, confirmed=False) for question in said]
    right, refused = (
        fit(Sources(base, vectors_of, vectors_of, fields, judgements), goal) for judgements in (said, wrong)
    )
    assert right.labelled == refused.labelled == 30
    assert right.confidence.evidence == replace(parameters.confidence.evidence, labelled=30)
    assert 20 < refused.confidence.evidence.labelled <= 30
    collection = Collection.build(base, vectors_of)

    def mean_confidence(fitted: Parameters) -> float:
        asked = [asking(n, 200) for n in range(40)]
        queries = [Query(text, vector) for text, vector in zip(asked, vectors_of(asked), strict=True)]
        ranked = [collection.rank(query, fitted.weights, fitted.confidence, 1)[0] for query in queries]
        return float(np.mean([candidate.confidence for candidate in ranked]))

    assert mean_confidence(refused) < mean_confidence(parameters) - 0.02
    assert mean_confidence(refused) < mean_confidence(right) - 0.02


def test_judgements_alone_can_be_the_evidence() -> None:
    """A base of one entry asks nothing of itself, but people may have."""
    base = [Document("a", "faq", "en", 1, "Where is my card?", "")]
    asked = [Labelled(f"my card {n} where", "a") for n in range(80)] + [Labelled(f"joke {n}", None) for n in range(30)]
    parameters = fitted(base, *asked)
    assert parameters.confidence.evidence == Evidence(0, 0, 110)
    assert parameters.confidence.promise is not None


@pytest.mark.parametrize("base", [[], [Document("a", "faq", "en", 1, "Where is my card?", "", ("card?",))]])
def test_a_base_without_evidence_has_the_starting_values(base: list[Document]) -> None:
    """For the goal that is wanted, without a promise; judgements that nothing can be found for do not count."""
    goal, fields = Goal(0.9, 0.4, 0.3), FieldWeights(answer=0.1)
    model = replace(ConfidenceModel(), goal=goal, thresholds=Thresholds(0.9, 0.2))
    expected = Parameters(Weights(), model, fields, 5)
    assert fitted(base, goal=goal, fields=fields, fitted_to=5) == expected
    said = Labelled("🙂", "a"), Labelled("Where is my CARD", "a")
    assert fitted([], *said, goal=goal, fields=fields, fitted_to=5) == replace(expected, labelled=2)


def test_a_small_base_promises_nothing(bank: list[Document]) -> None:
    """Six entries: parameters come near the starting ones, and the threshold is the precision wanted."""
    base = sorted(bank[:-1], key=lambda document: (document.entry, document.locale))
    model = fitted(base).confidence
    assert (model.promise, model.thresholds) == (None, Thresholds(0.95, 0.25))
    assert 0 < model.evidence.answerable < 60
    assert "nothing promised" in model.describe()


def test_progress_counts_copies(bank: list[Document]) -> None:
    """Six entries, six copies."""
    seen: list[tuple[int, int]] = []
    base = sorted(bank[:-1], key=lambda document: (document.entry, document.locale))
    fitted(base, on_progress=lambda *done: seen.append(done))
    assert seen == [(copy, 6) for copy in range(1, 7)]


SHARE = st.floats(0, 1)
BIN = st.builds(ReliabilityBin, SHARE, SHARE, st.integers(1, 1000))
NUMBER = st.floats(-1e6, 1e6)
MODELS = st.builds(
    ConfidenceModel,
    NUMBER,
    NUMBER,
    NUMBER,
    st.dictionaries(st.sampled_from(["es-MX", "pt-BR"]), NUMBER),
    st.builds(Goal, st.floats(0.5, 0.99), st.floats(0.01, 0.5), st.floats(0, 0.99)),
    st.tuples(SHARE, SHARE).map(lambda pair: Thresholds(max(pair), min(pair))),
    st.builds(Evidence, *[st.integers(0, 10**6)] * 3),
    st.none() | st.builds(Promise, SHARE, SHARE, st.lists(BIN, max_size=3).map(tuple)),
)
POSITIVE = st.floats(0, 1e6)


@given(
    st.builds(
        Parameters,
        st.builds(Weights, *[POSITIVE] * 5),
        MODELS,
        st.builds(FieldWeights, *[POSITIVE] * 4),
        st.integers(-1, 10**12),
        st.integers(0, 10**6),
    )
)
def test_parameters_survive_json(parameters: Parameters) -> None:
    """To the last bit."""
    text = json.dumps(parameters.to_dict(), allow_nan=False)
    assert Parameters.from_dict(json.loads(text)) == parameters


def test_fitted_parameters_survive_json_too(sample: tuple[list[Document], Parameters]) -> None:
    """They hold no number of NumPy's."""
    _, parameters = sample
    assert Parameters.from_dict(json.loads(json.dumps(parameters.to_dict(), allow_nan=False))) == parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", {"nearest": -1}),
        ("weights", {"other": 1}),
        ("fields", {"answer": math.nan}),
        ("fitted_to", None),
        ("confidence", {}),
        ("labelled", "x"),
    ],
)
def test_what_is_no_description_is_refused(name: str, value: object) -> None:
    """KeyError, TypeError or ValueError, which a snapshot reports as damage."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        Parameters.from_dict({**Parameters().to_dict(), name: value})
    rest = {key: value for key, value in Parameters().to_dict().items() if key != name}
    with pytest.raises(KeyError):
        Parameters.from_dict(rest)
