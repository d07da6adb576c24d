"""Explanations add up, and everything said to change a decision does: it is done, and the question is asked again."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np
import pytest

from indexer.combination import Weights, leads
from indexer.confidence import ConfidenceModel, Evidence, Goal, Promise, Thresholds
from indexer.decision import Decision, decide
from indexer.documents import Document, Keyword
from indexer.explanation import Change, Explanation, explain
from indexer.fitting import Parameters
from indexer.ranking import Candidate, Query, Wording
from indexer.snapshot import Snapshot

QUESTIONS = (
    ("perdí la tarjeta", "es-MX"),
    ("me robaron mi tarjeta azul", "es-MX"),
    ("un robo", "es-MX"),
    ("cómo veo mi saldo hoy", "es-MX"),
    ("my card was stolen", "en"),
    ("monthly card fees", "en"),
    ("cancelar mi tarjeta", None),
    ("zzz qqq xyz", "pt-BR"),
)
WEIGHTS = (Weights(), Weights(0.5, 5.0, 8.0, 6.0, 3.0), Weights(1.0, 0.0, 1.0, 0.0, 1.0))
MODELS = (
    ConfidenceModel(),
    ConfidenceModel(locales={"es-MX": 0.4, "en": -0.3}, thresholds=Thresholds(0.6, 0.2)),
    ConfidenceModel(bias=-0.4, subject=0.1, lead=0.66, thresholds=Thresholds(0.97, 0.7)),
    ConfidenceModel(bias=1.0, subject=0.0, lead=0.0, thresholds=Thresholds(0.5, 0.2)),
    ConfidenceModel(bias=3.0, thresholds=Thresholds(0.9995, 0.9)),
    ConfidenceModel(bias=-9.0, thresholds=Thresholds(0.01, 0.005)),
)
PARAMETERS = [Parameters(weights, model, fitted_to=7) for weights in WEIGHTS for model in MODELS]


class World:
    """A base that can be asked, changed and asked again."""

    def __init__(self, make: Callable[..., Snapshot], ask: Callable[..., Query], documents: Sequence[Document]) -> None:
        self.make, self.ask, self.documents = make, ask, list(documents)

    def decide(self, query: Query, parameters: Parameters, documents: Sequence[Document] = ()) -> tuple:
        """Candidates and decision, on other documents if there are any."""
        ranked = self.make(documents or self.documents, parameters=parameters).rank("faq", query)
        return ranked, decide(ranked, parameters.confidence)

    def explain(self, query: Query, parameters: Parameters) -> tuple[Explanation, Decision, tuple[Candidate, ...]]:
        """The explanation, the decision and the candidates."""
        ranked, decision = self.decide(query, parameters)
        snapshot = self.make(self.documents, parameters=parameters)
        found = explain(query, decision, ranked, parameters, snapshot.wording("faq", query, ranked[0].entry))
        assert found is not None
        return found, decision, ranked

    def cases(self) -> Iterator[tuple[Query, Parameters]]:
        """Every question with all parameters."""
        for text, locale in QUESTIONS:
            for parameters in PARAMETERS:
                yield self.ask(text, locale), parameters

    def changes(self, *kinds: str) -> Iterator[tuple[Query, Parameters, Decision, tuple[Candidate, ...], Change]]:
        """Every change of these kinds in all cases; there is one."""
        number = 0
        for query, parameters in self.cases():
            found, decision, ranked = self.explain(query, parameters)
            for change in found.changes:
                if change.kind in kinds:
                    number += 1
                    yield query, parameters, decision, ranked, change
        assert number > 2


@pytest.fixture
def world(encoder, cache, ask, bank: list[Document]) -> World:
    """The bank, on a small encoder."""
    made: dict[tuple, Snapshot] = {}

    def make(documents: Sequence[Document], parameters: Parameters = Parameters()) -> Snapshot:
        key = (tuple(documents), parameters.fields)
        if key not in made:
            made[key] = Snapshot.build(documents, encoder, cache, source="test", highest_change=7)
        built = made[key]
        return Snapshot(built.manifest, built._collections, parameters)

    return World(make, ask, bank)


def phrased(documents: Sequence[Document], entry: str, text: str) -> list[Document]:
    """The documents, the entry's first one with one more phrasing."""
    at = next(place for place, document in enumerate(documents) if document.entry == entry)
    more = replace(documents[at], phrasings=(*documents[at].phrasings, text))
    return [*documents[:at], more, *documents[at + 1 :]]


def weighted(documents: Sequence[Document], entry: str, term: str, weight: float) -> list[Document]:
    """The documents, the entry's keyword with that weight."""
    return [
        replace(d, keywords=tuple(Keyword(k.term, weight) if k.term == term else k for k in d.keywords))
        if d.entry == entry
        else d
        for d in documents
    ]


def test_contributions_add_up(world: World) -> None:
    """Amounts to the score, advantages to the difference of the scores, terms to the words, parts to the confidence."""
    for query, parameters in world.cases():
        found, decision, ranked = world.explain(query, parameters)
        best = ranked[0]
        assert sum(signal.amount for signal in found.signals) == pytest.approx(best.score)
        assert sum(signal.ahead or 0 for signal in found.signals) == pytest.approx(best.score - ranked[1].score)
        assert [signal.name for signal in found.signals] == ["nearest", "subject", "learned", "words", "spelling"]
        words = next(signal for signal in found.signals if signal.name == "words")
        if parameters.weights.words:
            assert sum(term.amount for term in found.terms) == pytest.approx(words.amount)
        parts = found.confidence
        logit = parts.bias + parts.subject + parts.lead + parts.locale
        assert parts.fitted == pytest.approx(1 / (1 + math.exp(-logit)))
        assert decision.confidence == (max(parts.fitted, 0.999) if parts.exact else parts.fitted)
        assert found.above_answer == decision.confidence - found.thresholds.answer
        assert found.above_suggest == decision.confidence - found.thresholds.suggest
        assert (found.entry, found.runner_up) == (best.entry, ranked[1].entry)
        json.dumps(asdict(found), allow_nan=False)


def test_as_a_phrasing_the_question_finds_the_entry(world: World) -> None:
    """With at least the confidence that was said, be it the entry's own question or taken by the runner-up."""
    for query, parameters, decision, ranked, change in world.changes("phrasing"):
        documents = phrased(world.documents, change.entry, query.text)
        (first, *_), then = world.decide(query, parameters, documents)
        assert (first.entry, then.outcome) == (change.entry, change.outcome)
        assert then.confidence >= change.confidence
        assert (ranked[0].entry, decision.outcome) != (first.entry, then.outcome)
        assert (change.entry == ranked[0].entry) == (decision.outcome != "answer")


def test_a_phrasing_of_two_entries_settles_the_matter_once_one_of_them_loses_it(world: World) -> None:
    """And adding it to a third is not proposed."""
    query, parameters = world.ask("una pregunta rara", "es-MX"), Parameters()
    for entry in ("balance", "pin"):
        world.documents = phrased(world.documents, entry, "Una pregunta RARA!")
    found, decision, _ = world.explain(query, parameters)
    assert decision.outcome != "answer"
    (change,) = (change for change in found.changes if change.kind in ("single", "phrasing"))
    assert (change.kind, change.entries, change.outcome) == ("single", ("balance", "pin"), "answer")
    (loser,) = set(change.entries) - {change.entry}
    kept = [replace(d, phrasings=d.phrasings[:-1]) if d.entry == loser else d for d in world.documents]
    (first, *_), then = world.decide(query, parameters, kept)
    assert (first.entry, then.outcome) == (change.entry, "answer")
    assert then.confidence >= change.confidence


def test_a_phrasing_shared_with_another_entry_no_longer_settles_the_matter(world: World) -> None:
    """What is answered for its wording alone is not, once somebody else has it too."""
    shared = 0
    for query, parameters, _, ranked, change in world.changes("shared"):
        assert (ranked[0].signals.exact, change.outcome) == (1, None)
        then, _ = world.decide(query, parameters, phrased(world.documents, ranked[1].entry, query.text))
        assert all(candidate.signals.exact == 0 for candidate in then)
        shared += 1
    assert shared


def test_thresholds_are_crossed_where_it_is_said(world: World) -> None:
    """At the value and not above it; an answer is kept at it and lost above."""
    for query, parameters, decision, _, change in world.changes("threshold"):
        model = parameters.confidence
        name = "suggest" if change.outcome == "suggest" and decision.outcome == "handoff" else "answer"
        assert change.now == getattr(model.thresholds, name)
        least = math.nextafter(change.value, 1)
        for value, outcome in ((change.value, "at"), (least, "above")):
            lower = min(model.thresholds.suggest, value)
            limits = Thresholds(value, lower) if name == "answer" else Thresholds(model.thresholds.answer, value)
            _, then = world.decide(query, replace(parameters, confidence=replace(model, thresholds=limits)))
            expected = change.outcome if (outcome == "above") == (decision.outcome == "answer") else decision.outcome
            assert then.outcome == expected


def test_a_lead_is_enough_from_where_it_is_said(world: World) -> None:
    """And a little less is not."""
    for query, parameters, decision, ranked, change in world.changes("lead"):
        model, best = parameters.confidence, ranked[0]
        assert change.now == best.signals.lead < change.value

        def outcome(value: float, best=best, model=model, query=query) -> str:
            signals = replace(best.signals, lead=value)
            return decide([replace(best, confidence=model.confidence(signals, query.locale))], model).outcome

        assert outcome(change.value) == change.outcome
        assert outcome(change.value - 1e-6) != change.outcome
        assert change.confidence == model.confidence(replace(best.signals, lead=change.value), query.locale)
        assert decision.outcome != change.outcome


def test_a_subject_is_enough_from_where_it_is_said(world: World) -> None:
    """Raised in the score as well, so that the lead follows; a little less is not."""
    for query, parameters, _, ranked, change in world.changes("subject"):
        model, best = parameters.confidence, ranked[0]
        assert change.now == best.signals.subject < change.value

        def outcome(value: float, ranked=ranked, parameters=parameters, query=query) -> str:
            best = ranked[0]
            scores = np.array([candidate.score for candidate in ranked])
            scores[0] += parameters.weights.subject * (value - best.signals.subject)
            signals = replace(best.signals, subject=value, lead=float(leads(scores)[0]))
            confidence = parameters.confidence.confidence(signals, query.locale)
            return decide([replace(best, confidence=confidence)], parameters.confidence).outcome

        assert outcome(change.value + 1e-9) == change.outcome
        assert outcome(change.value - 1e-6) != change.outcome
        assert model.thresholds.suggest <= change.confidence


def test_a_keyword_is_enough_from_the_weight_that_is_said_or_never(world: World) -> None:
    """The weight is changed, the base built anew, and asked."""
    seen = set()
    for query, parameters, decision, ranked, change in world.changes("keyword"):
        seen.add(change.value is None)
        entry = ranked[0].entry

        def ask_with(weight: float, query=query, parameters=parameters, change=change, entry=entry) -> Decision:
            return world.decide(query, parameters, weighted(world.documents, entry, change.term, weight))[1]

        own = {k.term: k.weight for d in world.documents if d.entry == entry for k in d.keywords}
        assert change.now == own[change.term]
        if change.value is None:
            assert ask_with(1e9).outcome == decision.outcome == change.outcome
            assert ask_with(1e9).confidence <= change.confidence + 1e-12
        else:
            then = ask_with(change.value * (1 + 1e-9))
            assert (then.outcome, then.confidence) == (change.outcome, pytest.approx(change.confidence))
            assert ask_with(change.value * (1 - 1e-6)).outcome != change.outcome
            assert decision.outcome != change.outcome
    assert seen == {True, False}


def test_a_runner_up_takes_the_answer_from_where_it_is_said(world: World) -> None:
    """Its score is raised, leads and confidence are computed again; a little less leaves the answer."""
    firsts = set()
    for query, parameters, decision, ranked, change in world.changes("rival"):
        model = parameters.confidence

        def after(rise: float, ranked=ranked, model=model, query=query) -> tuple[str, str, float]:
            scores = np.array([candidate.score for candidate in ranked])
            scores[1] += rise
            lead = leads(scores)
            first = int(scores.argmax())
            signals = replace(ranked[first].signals, lead=float(lead[first]))
            confidence = model.confidence(signals, query.locale)
            outcome = decide([replace(ranked[first], confidence=confidence)], model).outcome
            return ranked[first].entry, outcome, confidence

        assert decision.outcome == "answer"
        assert after(change.value - 1e-6)[:2] == (ranked[0].entry, "answer")
        entry, outcome, confidence = after(change.value + 1e-6)
        assert (entry, outcome) == (change.entry, change.outcome)
        assert confidence == pytest.approx(change.confidence, abs=1e-5)
        firsts.add(entry == ranked[0].entry)
    assert firsts == {True, False}


def test_with_too_little_evidence_the_precision_wanted_is_the_threshold(world: World, encoder, cache) -> None:
    """Fitted for that precision, the question is answered; for a little more it is not."""
    query = world.ask("monthly card fees", "en")
    fitted = world.make(world.documents).fitted(encoder, cache, Goal())
    assert fitted.confidence_model.promise is None
    ranked = fitted.rank("faq", query)
    decision = decide(ranked, fitted.confidence_model)
    assert decision.outcome == "suggest"
    found = explain(query, decision, ranked, fitted.parameters, Wording())
    (change,) = (change for change in found.changes if change.kind == "precision")
    assert (change.outcome, change.now) == ("answer", 0.95)
    for precision, outcome in ((change.value, "answer"), (math.nextafter(change.value, 1), "suggest")):
        again = fitted.fitted(encoder, cache, Goal(precision))
        assert decide(again.rank("faq", query), again.confidence_model).outcome == outcome


@pytest.mark.parametrize(
    ("more", "fitted_to"),
    [
        ({}, -1),
        ({"evidence": Evidence(100, 50, 0)}, 7),
        ({"promise": Promise(0.96, 0.4)}, 7),
        ({"thresholds": Thresholds(0.9, 0.3)}, 7),
    ],
)
def test_otherwise_only_the_threshold_is_spoken_of(world: World, more: dict, fitted_to: int) -> None:
    """Before the first fit, with evidence, or with a promise, another precision would change more than that."""
    query = world.ask("cómo veo mi saldo hoy", "es-MX")
    parameters = Parameters(confidence=ConfidenceModel(**more), fitted_to=fitted_to)
    kinds = {change.kind for change in world.explain(query, parameters)[0].changes}
    assert "threshold" in kinds
    assert "precision" not in kinds


def test_one_entry_alone_has_nobody_to_lead(world: World) -> None:
    """No runner-up, no advantage, and neither leads nor keywords are spoken of."""
    world.documents = [d for d in world.documents if d.entry == "card-lost"]
    query = world.ask("un robo", "es-MX")
    found, decision, ranked = world.explain(query, Parameters())
    assert (len(ranked), decision.outcome, found.runner_up) == (1, "handoff", None)
    assert {signal.ahead for signal in found.signals} == {None}
    assert {change.kind for change in found.changes} == {"phrasing", "threshold", "subject"}


def test_nothing_found_is_not_explained(world: World) -> None:
    """There is nothing to say."""
    query = world.ask("12345")
    ranked, decision = world.decide(query, Parameters())
    assert explain(query, decision, ranked, Parameters(), Wording()) is None


def test_a_keyword_says_what_it_contributed(world: World) -> None:
    """Beside what the same word made as an ordinary word, and with the weight it has."""
    found, _, _ = world.explain(world.ask("un robo", "es-MX"), Parameters())
    (term,) = found.terms
    assert (term.term, term.weight) == ("robo", 2.0)
    assert 0 < term.keyword < term.amount
    heavier = weighted(world.documents, "card-lost", "robo", 4.0)
    ranked, _ = world.decide(world.ask("un robo", "es-MX"), Parameters(), heavier)
    assert ranked[0].terms[0].keyword / ranked[0].terms[0].amount > term.keyword / term.amount


@pytest.mark.parametrize(
    ("text", "unmatched"),
    [
        ("¿Perdí mi TARJETA en el tren?", ("tren",)),
        ("tarjetas tarjetta azul azul", ("azul",)),
        ("card stolen robo", ()),
        ("de la el", ()),
    ],
)
def test_words_that_the_entry_lacks_are_named(world: World, text: str, unmatched: tuple[str, ...]) -> None:
    """In any of its locales and forms, a typo away; stop words are not."""
    assert world.make(world.documents).wording("faq", world.ask(text), "card-lost").unmatched == unmatched


def test_who_has_the_question_as_a_phrasing_is_named(world: World) -> None:
    """But for case, accents and punctuation, in the channel that was asked in."""
    snapshot = world.make(phrased(world.documents, "fees", "OLVIDE mi nip"))
    by_channel = {
        channel: snapshot.wording("faq", world.ask("¡olvidé mi nip!", None, channel), "fees").entries
        for channel in (None, "chat")
    }
    assert by_channel == {None: ("fees", "pin"), "chat": ("fees",)}
