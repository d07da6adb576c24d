"""Signals to probability to decision."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.confidence import ConfidenceModel, Evidence, Promise, ReliabilityBin, Thresholds
from indexer.decision import decide
from indexer.documents import Document
from indexer.ranking import Candidate, Signals

MODEL = ConfidenceModel()
ANY = st.floats(allow_nan=True, allow_infinity=True)


def candidate(confidence: float, lead: float = 0.0, entry: str = "e") -> Candidate:
    document = Document(entry, "faq", "en", 1, "t", "b")
    return Candidate(entry, "en", document, "t", Signals(0, 0, 0, 0, 0, lead, 0), confidence, confidence, ())


@given(st.builds(Signals, ANY, ANY, ANY, ANY, ANY, ANY, ANY))
def test_confidence_is_always_a_probability(signals: Signals) -> None:
    """NaN and infinite signals included."""
    assert 0 <= MODEL.confidence(signals) <= 1


@given(st.sampled_from(["subject", "lead"]), st.floats(-1, 1), st.floats(0, 1))
def test_no_signal_lowers_confidence_by_rising(name: str, value: float, more: float) -> None:
    """Every starting weight is positive."""
    low = Signals(0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0)
    raised = replace(low, **{name: value + more})
    assert MODEL.confidence(raised) >= MODEL.confidence(replace(low, **{name: value}))


def test_a_model_survives_json_and_admits_what_it_rests_on() -> None:
    """to_dict and from_dict are inverse."""
    promise = Promise(0.96, 0.6, (ReliabilityBin(0.9, 0.92, 40),))
    model = replace(
        MODEL, thresholds=Thresholds(0.9, 0.4), locales={"es-MX": 0.1}, evidence=Evidence(80, 40, 7), promise=promise
    )
    assert ConfidenceModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model
    assert ConfidenceModel.from_dict(json.loads(json.dumps(MODEL.to_dict()))) == MODEL
    assert "nothing promised" in MODEL.describe()
    assert "96.0% right, 60% of questions answered (80 answerable, 40 unanswerable, 7 labelled" in model.describe()
    assert "0.90" in model.describe()


@pytest.mark.parametrize("pair", [(0.2, 0.5), (1.1, 0.5), (0.5, -0.1), (math.nan, 0.1)])
def test_thresholds_must_make_sense(pair: tuple[float, float]) -> None:
    """0 <= suggest <= answer <= 1."""
    with pytest.raises(ValueError, match="thresholds"):
        Thresholds(*pair)


def test_confidence_at_the_threshold_is_an_answer() -> None:
    """And the others are shown beside it, three in all."""
    decision = decide([candidate(c) for c in (0.95, 0.2, 0.1, 0.05)], MODEL)
    assert (decision.outcome, decision.reason, len(decision.candidates)) == ("answer", "confident", 3)


def test_less_than_that_is_a_choice_of_those_that_have_a_chance() -> None:
    """One in ten among the candidates; the first is always offered."""
    decision = decide([candidate(0.8, -3), candidate(0.3, -2.1), candidate(0.29, -2.3)], MODEL)
    assert (decision.outcome, decision.reason) == ("suggest", "unsure")
    assert [c.confidence for c in decision.candidates] == [0.8, 0.3]
    assert decide([candidate(0.24), candidate(0.23)], MODEL).outcome == "handoff"
    assert len(decide([candidate(0.8)] * 5, MODEL).candidates) == 3


def test_only_the_first_may_answer() -> None:
    """A later candidate with more confidence is at most a choice."""
    assert decide([candidate(0.5), candidate(0.95)], MODEL).outcome == "suggest"


def test_nothing_close_is_for_a_person_who_sees_what_came_nearest() -> None:
    """The candidates are kept with a handoff."""
    decision = decide([candidate(0.1)], MODEL)
    assert (decision.outcome, decision.reason, len(decision.candidates)) == ("handoff", "nothing_close", 1)


def test_no_candidates_are_for_a_person() -> None:
    """With confidence 0."""
    decision = decide((), MODEL)
    assert (decision.outcome, decision.reason, decision.confidence) == ("handoff", "no_candidates", 0.0)
