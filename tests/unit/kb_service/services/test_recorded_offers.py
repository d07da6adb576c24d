"""What was offered is read back as it was decided, also from interactions that an earlier release recorded."""

from dataclasses import replace

import pytest

from indexer.confidence import ConfidenceModel, Thresholds
from indexer.fitting import Parameters
from indexer.snapshot import Snapshot
from indexer.vector_cache import VectorCache
from kb_service.services.auto_reply import suggested
from kb_service.storage.records import Interaction
from tests.support.bases import faq
from tests.unit.kb_service.services.conftest import SmallBase


@pytest.fixture
def bank(small: SmallBase) -> SmallBase:
    """Two entries that are hard to tell apart, and another; choices are offered from 0.35 on."""
    small.publish(
        faq("card-lost", question="¿Qué hago si pierdo mi tarjeta?", variants=["perdí mi tarjeta"]),
        faq("card-stolen", question="¿Qué hago si me roban mi tarjeta?", variants=["perdí mi tarjetero"]),
        faq("balance", question="¿Cómo consulto mi saldo?", variants=["ver mi saldo"]),
    )
    snapshot = small.live.current().snapshot
    parameters = Parameters(confidence=ConfidenceModel(thresholds=Thresholds(0.95, 0.35)))
    manifest, cache = snapshot.manifest, VectorCache(small.folder / "vectors", "grams", "1", 256)
    lenient = Snapshot.build(
        snapshot.documents,
        small.encoder,
        cache,
        source=manifest.source,
        highest_change=manifest.highest_change,
        parameters=parameters,
    )
    small.store.publish(lenient)
    small.live.refresh()
    return small


def _recorded(base: SmallBase, query: str) -> Interaction:
    result = base.ask(query)
    with base.database.reading() as work:
        found = work.events.interaction(result.interaction_id)
    assert found
    return found


def test_the_choices_decided_on_are_those_offered(bank: SmallBase) -> None:
    """Whatever their own confidence; the question tester shows the same decision."""
    query = "que hago si pierdo o me roban mi tarjeta"
    decision = bank.questions.consider(query, None).decision
    offered = [candidate.entry for candidate in decision.candidates]
    assert (decision.outcome, len(offered)) == ("suggest", 2)
    assert decision.candidates[1].confidence < decision.thresholds.suggest
    assert [suggestion.entry for suggestion in bank.ask(query).suggestions] == offered
    assert [candidate["entry"] for candidate in suggested(_recorded(bank, query))] == offered
    assert suggested(_recorded(bank, "¿cómo consulto mi saldo?")) == []


def test_an_interaction_of_an_earlier_release_is_still_read(bank: SmallBase) -> None:
    """Its signals have other names, and it says of no candidate whether that was offered."""
    old = {"nearest": 0.8, "mean": 0.7, "body": 0.6, "lexical": 0.5, "margin": 0.1, "exact": 0}
    kept = _recorded(bank, "que hago si pierdo o me roban mi tarjeta")
    candidates = [{k: v for k, v in c.items() if k != "offered"} | {"signals": old} for c in kept.candidates]
    for candidate, confidence in zip(candidates, (0.6, 0.4, 0.2), strict=True):
        candidate["confidence"] = confidence
    thresholds = {"answer": 0.85, "suggest": 0.3}
    recorded = replace(kept, candidates=tuple(candidates), thresholds=thresholds)
    assert [candidate["confidence"] for candidate in suggested(recorded)] == [0.6, 0.4]
