"""Interactions and what follows them, the same on SQLite and PostgreSQL: every event is stored once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, StatementError

from kb_service.storage.database import Database
from kb_service.storage.records import Content, Feedback, Interaction, MacroUse
from kb_service.storage.tables import Base, EscalationRow, FeedbackRow, InteractionRow, SuggestionClickRow

THREADS = 20


def _interaction(**fields) -> Interaction:
    values = {
        "id": uuid4(),
        "sender": "shop",
        "message_id": "m-1",
        "conversation_id": None,
        "customer_key": "0" * 64,
        "channel": "chat",
        "query": "¿perdí mi tarjeta? 🙂",
        "asked_locale": None,
        "locale": "es-MX",
        "decision": "suggest",
        "confidence": 0.1 + 0.2,
        "entry_key": None,
        "revision_id": None,
        "candidates": ({"entry": "a", "confidence": 1 / 3, "signals": {"margin": -5e-324}}, {"entry": "ñ"}),
        "thresholds": {"answer": 0.85, "suggest": 0.3},
        "index_version": "000001-abcdef01",
        "created_at": datetime(2026, 11, 22, 4, 5, 6, 789012, tzinfo=UTC),
    }
    return Interaction(**values | fields)


def _count(database: Database, table: type[Base]) -> int:
    with database.reading() as work:
        return work.session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def stored(database: Database) -> UUID:
    """The id of an interaction."""
    with database.writing() as work:
        interaction = _interaction()
        assert work.events.add_interaction(interaction)
        work.commit()
    return interaction.id


def test_an_interaction_is_read_back_as_it_was_written(database: Database) -> None:
    """To the last bit of its probabilities and the last microsecond."""
    interaction = _interaction()
    with database.writing() as work:
        work.events.add_interaction(interaction)
        work.commit()
    with database.reading() as work:
        assert work.events.interaction(interaction.id) == interaction
        assert work.events.interaction_by_message("shop", "m-1") == interaction
        assert work.events.interaction(uuid4()) is None
        assert work.events.interaction_by_message("shop", "m-2") is None


def test_a_message_is_stored_once_per_sender(database: Database, stored: UUID) -> None:
    """A repeat is refused and the first stays; another sender may use the same id; no id never is a repeat."""
    with database.writing() as work:
        assert not work.events.add_interaction(_interaction(query="another"))
        assert work.events.add_interaction(_interaction(sender="other shop"))
        assert work.events.add_interaction(_interaction(message_id=None))
        assert work.events.add_interaction(_interaction(message_id=None))
        work.commit()
        assert work.events.interaction_by_message("shop", "m-1").id == stored
    assert _count(database, InteractionRow) == 4


def test_twenty_deliveries_of_one_message_at_once_store_one(database: Database) -> None:
    """Exactly one of twenty threads is told that it was the first."""
    together = threading.Barrier(THREADS)

    def deliver(_: int) -> bool:
        together.wait()
        with database.writing() as work:
            first = work.events.add_interaction(_interaction())
            work.commit()
        return first

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(deliver, range(THREADS))) == 1
    assert _count(database, InteractionRow) == 1


def test_twenty_deliveries_of_one_event_at_once_store_one(database: Database, stored: UUID) -> None:
    """The same for feedback, clicks and escalations."""
    together = threading.Barrier(THREADS)

    def deliver(number: int) -> list[bool]:
        together.wait()
        with database.writing() as work:
            first = [
                work.events.add_feedback(Feedback(stored, "e", score=number % 5 + 1)),
                work.events.add_click(stored, "e", "a"),
                work.events.add_escalation(stored, "e"),
            ]
            work.commit()
        return first

    with ThreadPoolExecutor(THREADS) as pool:
        told = list(pool.map(deliver, range(THREADS)))
    assert [sum(each) for each in zip(*told, strict=True)] == [1, 1, 1]
    assert [_count(database, table) for table in (FeedbackRow, SuggestionClickRow, EscalationRow)] == [1, 1, 1]


def test_a_repeat_leaves_the_transaction_usable(database: Database, stored: UUID) -> None:
    """What comes before and after it in the same transaction is stored."""
    with database.writing() as work:
        assert work.events.add_feedback(Feedback(stored, "1", helpful=True))
        assert not work.events.add_feedback(Feedback(stored, "1", helpful=False))
        assert work.events.add_feedback(Feedback(stored, "2", score=5, comment="gracias"))
        work.commit()
    with database.reading() as work:
        assert work.events.feedback_of(stored) == [
            Feedback(stored, "1", helpful=True),
            Feedback(stored, "2", score=5, comment="gracias"),
        ]


def test_event_ids_belong_to_their_interaction(database: Database, stored: UUID) -> None:
    """The same id on another interaction is another event."""
    with database.writing() as work:
        other = _interaction(message_id="m-2")
        work.events.add_interaction(other)
        for interaction in (stored, other.id):
            assert work.events.add_feedback(Feedback(interaction, "e", helpful=True))
            assert work.events.add_click(interaction, "e", "a")
            assert work.events.add_escalation(interaction, "e")
        work.commit()


def test_clicks_keep_their_order_and_escalation_is_known(database: Database, stored: UUID) -> None:
    """Clicks come back as they came in."""
    with database.writing() as work:
        assert not work.events.is_escalated(stored)
        for number, key in enumerate(["b", "a", "b"]):
            work.events.add_click(stored, str(number), key)
        work.events.add_escalation(stored, "e")
        work.commit()
    with database.reading() as work:
        assert work.events.clicks_of(stored) == ["b", "a", "b"]
        assert work.events.is_escalated(stored)


def test_wishes_for_a_person_are_listed_newest_first(database: Database, stored: UUID) -> None:
    """With their interaction; page after page by id, or by the last digits of the interaction's id."""
    with database.writing() as work:
        other = _interaction(message_id="m-2", id=UUID("01234567-89ab-7def-8123-456789abcdef"))
        work.events.add_interaction(other)
        work.events.add_escalation(stored, "e")
        work.events.add_escalation(other.id, "e")
        work.commit()
    with database.reading() as work:
        newest, oldest = work.events.escalations(limit=5)
        assert (newest.interaction, oldest.interaction.id) == (other, stored)
        assert newest.created_at.tzinfo is not None
        assert work.events.escalations(limit=1) == [newest]
        assert work.events.escalations(limit=5, before=newest.id) == [oldest]
        assert work.events.escalations(limit=5, id_ends_with="89abcdef") == [newest]
        assert work.events.escalations(limit=5, id_ends_with="%") == []


@pytest.mark.parametrize(
    "event",
    [
        lambda events, known: events.add_feedback(Feedback(uuid4(), "e", helpful=True)),
        lambda events, known: events.add_feedback(Feedback(known, "e", score=6)),
        lambda events, known: events.add_click(uuid4(), "e", "a"),
        lambda events, known: events.add_interaction(_interaction(decision="maybe", message_id="x")),
        lambda events, known: events.add_interaction(_interaction(revision_id=12345, message_id="x")),
    ],
    ids=["unknown interaction", "score", "click", "decision", "unknown revision"],
)
def test_the_database_itself_refuses_what_makes_no_sense(database: Database, stored: UUID, event) -> None:
    """An event on nothing, a score out of range or an unknown decision is an error and not taken for a repeat."""
    with pytest.raises(IntegrityError), database.writing() as work:
        event(work.events, stored)
    assert _count(database, InteractionRow) == 1


def test_a_naive_time_is_refused(database: Database) -> None:
    """An interaction's time has a zone."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="naive datetime"), database.writing() as work:
        work.events.add_interaction(_interaction(created_at=naive))


def test_macro_uses_are_kept_once_per_sender_and_event(database: Database) -> None:
    """They come back with the revision that was used; a FAQ's key names no macro."""
    with database.writing() as work:
        revision = work.content.add_revision("macro", "refund", "en", Content("Refund", "Hi"), "ana")
        use = MacroUse("desk", "e", "refund", revision.id, "en", "edited", "agent-7", "ticket-9")
        assert work.events.add_macro_use(use)
        assert not work.events.add_macro_use(use)
        other = MacroUse("desk 2", "e", "refund", revision.id, "en", "sent")
        assert work.events.add_macro_use(other)
        work.commit()
        assert work.events.macro_uses("refund") == [use, other]
        assert work.events.macro_uses("nothing") == []


def test_api_keys_are_found_by_digest_until_revoked(database: Database) -> None:
    """Revoking works once; a revoked key is listed and no longer found."""
    with database.writing() as work:
        key = work.api_keys.add("shop", "kb_abc", "d" * 64, ("reply", "feedback"))
        other = work.api_keys.add("shop", "kb_def", "e" * 64, ("admin",))
        work.commit()
        assert work.api_keys.by_digest("d" * 64) == key
        assert work.api_keys.by_digest("f" * 64) is None
        assert work.api_keys.revoke(key.id)
        assert not work.api_keys.revoke(key.id)
        assert not work.api_keys.revoke(10**9)
        work.commit()
    with database.reading() as work:
        assert work.api_keys.by_digest("d" * 64) is None
        assert [(found.id, found.revoked_at is None) for found in work.api_keys.all()] == [
            (key.id, False),
            (other.id, True),
        ]


def test_two_keys_cannot_have_one_digest(database: Database) -> None:
    """A secret names one key."""
    with database.writing() as work:
        work.api_keys.add("a", "kb_abc", "d" * 64, ("reply",))
        with pytest.raises(IntegrityError):
            work.api_keys.add("b", "kb_abc", "d" * 64, ("admin",))
