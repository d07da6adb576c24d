"""Answering a message: what is decided, what is stored, and that a repeat gets the first result."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from kb_service.errors import InvalidInput, NotFound, NotReady
from kb_service.services.consider_question import ConsiderQuestion
from kb_service.services.customer_key import customer_key
from kb_service.storage.tables import InteractionRow
from tests.support.bases import faq, macro
from tests.unit.kb_service.services.conftest import SmallBase

LOST = faq(
    "card-lost",
    question="¿Qué hago si pierdo mi tarjeta?",
    answer="**Bloquéala** en la app.",
    variants=["perdí mi tarjeta"],
)
LOST_PT = faq("card-lost", "pt-BR", question="O que faço se perder meu cartão?", answer="Bloqueie no aplicativo.")
STOLEN = faq(
    "card-stolen", question="¿Qué hago si me roban mi tarjeta?", answer="Llámanos.", variants=["perdí mi tarjetero"]
)
BALANCE = faq("balance", question="¿Cómo consulto mi saldo?", answer="En la pantalla de inicio.")


@pytest.fixture
def bank(small: SmallBase) -> SmallBase:
    """Three FAQs, one also in Portuguese, and a macro."""
    small.publish(LOST, LOST_PT, STOLEN, BALANCE, macro("refund"))
    return small


def _rows(base: SmallBase) -> list[InteractionRow]:
    with base.database.reading() as work:
        return list(work.session.query(InteractionRow).all())


def test_a_sure_answer_is_given_and_everything_about_it_stored(bank: SmallBase) -> None:
    """The reply is the live revision; the interaction has the decision, its grounds, and no personal data."""
    result = bank.ask("¿Cómo consulto mi saldo? Soy ana@b.mx", conversation_id="t-1", message_id="m-1")
    assert (result.decision, result.locale, result.suggestions) == ("answer", "es-MX", ())
    assert (result.reply.entry, result.reply.text) == ("balance", "En la pantalla de inicio.")
    (row,) = _rows(bank)
    assert row.query == "¿Cómo consulto mi saldo? Soy [email]"
    assert row.customer_key == customer_key("secret", "c")
    assert (row.decision, row.confidence, row.entry_key) == ("answer", result.confidence, "balance")
    assert row.revision_id == result.reply.revision
    assert row.index_version == result.index_version == bank.store.current_version()
    assert row.thresholds == {"answer": 0.95, "suggest": 0.25}
    assert (row.asked_locale, row.conversation_id, row.message_id, row.channel) == (None, "t-1", "m-1", "chat")
    assert row.candidates[0]["entry"] == "balance"
    assert row.candidates[0].keys() == {
        "entry", "locale", "revision", "phrasing", "confidence", "offered", "signals",
    }  # fmt: skip
    assert not any(candidate["offered"] for candidate in row.candidates)
    confidences = [candidate["confidence"] for candidate in row.candidates]
    assert confidences == sorted(confidences, reverse=True)
    assert {candidate["entry"] for candidate in row.candidates} <= {"balance", "card-lost", "card-stolen"}


def test_the_answer_comes_in_the_customers_locale(bank: SmallBase) -> None:
    """Or in the nearest one the entry has, and the result says which."""
    asked = {
        locale: bank.ask("perdí mi tarjeta perder meu cartão", locale=locale) for locale in ("pt-BR", "pt-PT", "es-AR")
    }
    locales = {locale: result.locale for locale, result in asked.items()}
    assert locales == {"pt-BR": "pt-BR", "pt-PT": "pt-BR", "es-AR": "es-MX"}


def test_suggestions_are_offered_best_first_and_nothing_is_replied(bank: SmallBase) -> None:
    """Two entries are as near: the customer chooses, and gets the answer as it was offered."""
    result = bank.ask("perdí mi tarjet")
    assert (result.decision, result.reply) == ("suggest", None)
    offered = [suggestion.entry for suggestion in result.suggestions]
    assert set(offered) == {"card-lost", "card-stolen"}
    assert [s.confidence for s in result.suggestions] == sorted(
        (s.confidence for s in result.suggestions), reverse=True
    )
    bank.publish(faq("card-lost", question="x", answer="edited"), faq("card-stolen", question="y", answer="edited"))
    added, reply = bank.reactions.click(result.interaction_id, "e-1", "card-lost")
    assert (added, reply.text, reply.html) == (
        True,
        "Bloquéala en la app.",
        "<p><strong>Bloquéala</strong> en la app.</p>",
    )
    assert bank.reactions.click(result.interaction_id, "e-1", "card-lost") == (False, reply)
    with pytest.raises(InvalidInput, match="balance"):
        bank.reactions.click(result.interaction_id, "e-2", "balance")


@pytest.mark.parametrize("query", ["¿?!", "🙂🙂", "1234", "zzzz qqqq"])
def test_what_nothing_answers_is_handed_over(bank: SmallBase, query: str) -> None:
    """Neither reply nor suggestions; the interaction is stored all the same."""
    result = bank.ask(query, locale="en")
    assert (result.decision, result.reply, result.suggestions, result.locale) == ("handoff", None, (), "en")
    assert [row.decision for row in _rows(bank)] == ["handoff"]


def test_a_repeat_gets_the_first_result(bank: SmallBase) -> None:
    """Equal to the last bit, even after the entry was edited, published and taken off, and asked differently."""
    for query in ("¿Cómo consulto mi saldo?", "perdí mi tarjet", "🙂"):
        first = bank.ask(query, message_id=query)
        bank.publish(faq("balance", answer=f"edited after {query}"), faq("card-lost", answer=f"edited after {query}"))
        bank.unpublish("faq", "balance", "es-MX")
        bank.serve()
        repeat = replace(first, is_repeat=True)
        assert bank.ask(query, message_id=query) == repeat
        assert bank.ask("something else", message_id=query, locale="en", customer_id="another") == repeat
        bank.publish(LOST, BALANCE)
    assert len(_rows(bank)) == 3


def test_a_message_id_belongs_to_its_sender(bank: SmallBase) -> None:
    """Another sender's is another message, and without an id every message is new."""
    ids = {
        bank.ask("saldo", message_id="m", sender="a").interaction_id,
        bank.ask("saldo", message_id="m", sender="b").interaction_id,
        bank.ask("saldo").interaction_id,
        bank.ask("saldo").interaction_id,
    }
    assert len(ids) == 4


def test_twenty_deliveries_at_once_get_one_result(bank: SmallBase) -> None:
    """Real threads, one stored interaction."""
    together = threading.Barrier(20)

    def deliver(number: int) -> object:
        together.wait()
        return bank.ask("¿Cómo consulto mi saldo?", message_id="m", customer_id=str(number))

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(deliver, range(20)))
    assert len({replace(result, is_repeat=False) for result in results}) == 1
    assert sum(not result.is_repeat for result in results) == 1
    assert len(_rows(bank)) == 1


@pytest.mark.parametrize(
    ("query", "why"),
    [("", "empty"), (" \n\t ", "empty"), ("x" * 5001, "5001 characters"), ("a\0b", "NUL"), ("a\ud800", "surrogate")],
)
def test_a_query_that_cannot_be_used_is_refused(bank: SmallBase, query: str, why: str) -> None:
    """And nothing is stored."""
    with pytest.raises(InvalidInput, match=why) as caught:
        bank.ask(query)
    assert caught.value.where == "query"
    assert _rows(bank) == []


def test_without_an_index_the_service_is_not_ready(small: SmallBase) -> None:
    """It says what to do."""
    with pytest.raises(NotReady, match="being loaded"):
        small.ask("saldo")
    small.live.refresh()
    with pytest.raises(NotReady, match="kb index sync"):
        small.ask("saldo")


def test_entries_of_another_channel_are_not_considered(small: SmallBase) -> None:
    """A FAQ for e-mail is not answered in the chat; one without channels is for all."""
    small.publish(faq("a", question="¿Cómo consulto mi saldo?", channels=["email"]), faq("b", question="¿Cómo cierro?"))
    assert small.ask("¿Cómo consulto mi saldo?", channel="email").reply.entry == "a"
    chat = small.questions.consider("¿Cómo consulto mi saldo?", None, "chat")
    assert [candidate.entry for candidate in chat.ranked] == ["b"]


@pytest.mark.parametrize(
    ("query", "locale"),
    [
        ("¿Cómo puedo consultar el saldo de mi cuenta?", "es-MX"),
        ("Como eu faço para consultar o saldo da minha conta?", "pt-BR"),
        ("How do I check the balance of my account?", "en"),
        ("12345", "es-MX"),
        ("🙂", "es-MX"),
    ],
)
def test_the_locale_is_recognised_from_the_text(bank: SmallBase, query: str, locale: str) -> None:
    """By the language; the default where that is unclear. A given locale is not questioned."""
    considered = bank.questions.consider(query, None)
    assert (considered.locale, considered.locale_given) == (locale, False)
    given = bank.questions.consider(query, "pt-PT")
    assert (given.locale, given.locale_given) == ("pt-PT", True)


def test_the_default_locale_stands_for_its_language(bank: SmallBase) -> None:
    """A bank in Argentina answers Spanish as es-AR."""
    questions = ConsiderQuestion(bank.live, "es-AR", 5000)
    assert questions.consider("¿Cómo puedo consultar el saldo de mi cuenta?", None).locale == "es-AR"
    assert questions.consider("How do I check the balance of my account?", None).locale == "en"


def test_considering_stores_nothing(bank: SmallBase) -> None:
    """It is for pages and the command line to look at."""
    bank.questions.consider("¿Cómo consulto mi saldo?", None)
    assert _rows(bank) == []


def test_reactions_are_stored_once_and_redacted(bank: SmallBase) -> None:
    """Feedback, click and escalation by their event's id; comments lose their personal data."""
    interaction = bank.ask("perdí mi tarjet").interaction_id
    assert bank.reactions.feedback(interaction, "e", True, 5, "soy ana@b.mx")
    assert not bank.reactions.feedback(interaction, "e", False, 1, "otra cosa")
    assert bank.reactions.escalation(interaction, "e")
    assert not bank.reactions.escalation(interaction, "e")
    with bank.database.reading() as work:
        (stored,) = work.events.feedback_of(interaction)
        assert (stored.helpful, stored.score, stored.comment) == (True, 5, "soy [email]")
        assert work.events.is_escalated(interaction)


@pytest.mark.parametrize("comment", [None, ""])
def test_empty_feedback_is_refused(bank: SmallBase, comment: str | None) -> None:
    """At least one of the three things must be said."""
    interaction = bank.ask("saldo").interaction_id
    with pytest.raises(InvalidInput, match="at least one"):
        bank.reactions.feedback(interaction, "e", None, None, comment)
    assert bank.reactions.feedback(interaction, "e", False, None, None)


def test_reactions_to_unknown_interactions_are_refused(bank: SmallBase) -> None:
    """All three say that there is none."""
    unknown = UUID(int=7)
    for react in (
        lambda: bank.reactions.feedback(unknown, "e", True, None, None),
        lambda: bank.reactions.click(unknown, "e", "balance"),
        lambda: bank.reactions.escalation(unknown, "e"),
    ):
        with pytest.raises(NotFound, match=str(unknown)):
            react()
