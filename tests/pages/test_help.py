"""The help page without JavaScript: every way a customer may go."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from kb_service.parts import Parts
from kb_service.storage.records import Interaction
from tests.support.pages import Browser, Page

SURE = "perdí mi tarjeta"
UNSURE = "mi tarjeta no sirve"
UNKNOWN = "quiero comprar un elefante rosa"


def ask(browser: Browser, query: str, status: int = 200, **fields: str) -> Page:
    """Ask through the form of the help page."""
    return browser.send(browser.get("/help").form("/help"), status, query=query, **fields)


def interaction_of(page: Page, parts: Parts) -> Interaction:
    """The interaction a page is about."""
    action = next(f.attributes["action"] for f in page.all("form") if "/questions/" in f.attributes["action"])
    with parts.database.reading() as work:
        found = work.events.interaction(UUID(action.split("/")[3]))
    assert found
    return found


def test_a_sure_question_is_answered_and_kept(browser: Browser, parts: Parts) -> None:
    """The answer stands on a page of its own; the interaction says who asked where."""
    page = ask(browser, SURE)
    assert "¿Qué hago si pierdo mi tarjeta o me la roban?" in page.words
    assert page.all("article")[0].attributes["lang"] == "es-MX"
    kept = interaction_of(page, parts)
    assert (kept.sender, kept.channel, kept.query, kept.entry_key) == ("help-page", "web", SURE, "card-lost")
    assert kept.asked_locale is None


def test_feedback_is_stored_once_and_thanked_for(browser: Browser, parts: Parts) -> None:
    """Yes and no, and a second press changes nothing."""
    page = ask(browser, SURE)
    kept, form = interaction_of(page, parts), page.form("/feedback")
    assert "Thank you! We are glad" in browser.send(form, helpful="yes").words
    assert "Thank you! We are glad" in browser.send(form, helpful="no").words
    with parts.database.reading() as work:
        assert [feedback.helpful for feedback in work.events.feedback_of(kept.id)] == [True]
    other = ask(browser, SURE)
    assert "Try other words, or talk to a person" in browser.send(other.form("/feedback"), helpful="no").words


def test_an_unsure_question_offers_choices_and_each_leads_to_its_answer(browser: Browser, parts: Parts) -> None:
    """A choice is recorded, shown, can be judged, and she can go back and choose another."""
    page = ask(browser, UNSURE)
    kept = interaction_of(page, parts)
    choices = [e for e in page.all("button") if e.attributes.get("class") == "choice"]
    assert 1 <= len(choices) <= 3
    first = browser.send(page.form("/choices"), entry=choices[0].attributes["value"])
    assert first.all("article")[0].text.strip().startswith(choices[0].text.strip())
    browser.send(first.form("/feedback"), helpful="no")
    form = next(f for f in page.elements if f.tag == "form" and f.attributes["action"].endswith("/choices"))
    browser.send(form, entry=choices[0].attributes["value"])  # type: ignore[arg-type]
    with parts.database.reading() as work:
        assert work.events.clicks_of(kept.id) == [choices[0].attributes["value"]]
        assert [event.helpful for event in work.events.feedback_of(kept.id)] == [False]


def test_what_was_not_offered_cannot_be_chosen(browser: Browser) -> None:
    """Neither by sending it nor by address."""
    page = ask(browser, UNSURE)
    form = page.form("/choices")
    browser.send(form, 422, entry="not-offered")
    browser.get(form.attributes["action"] + "/not-offered", 404)


def test_an_unknown_question_is_handed_over(browser: Browser, parts: Parts) -> None:
    """Friendly, and one press asks for a person; pressing twice stores it once."""
    page = ask(browser, UNKNOWN)
    assert "A person can help you better with this" in page.words
    kept = interaction_of(page, parts)
    form = page.form("/person")
    assert "Your request for a person is recorded." in browser.send(form).words
    assert "Your request for a person is recorded." in browser.send(form).words
    with parts.database.reading() as work:
        assert work.events.is_escalated(kept.id)


@pytest.mark.parametrize("query", [SURE, UNSURE, UNKNOWN])
def test_a_person_can_be_asked_for_from_the_start(query: str, browser: Browser) -> None:
    """Whatever the question, the wish is confirmed; what we found is shown as well."""
    assert "Your request for a person is recorded." in ask(browser, query, wish="person").words


def test_the_answer_is_in_the_language_of_the_question(sample_app: Flask) -> None:
    """Portuguese on a Spanish page gets Portuguese, with no note; the page stays Spanish."""
    page = ask(Browser(sample_app.test_client(), "es"), "perdi meu cartão, o que eu faço?")
    assert page.all("article")[0].attributes["lang"] == "pt-BR"
    assert "otro idioma" not in page.words
    assert page.all("html")[0].attributes["lang"] == "es-MX"


def test_the_page_decides_where_the_words_do_not_tell(sample_app: Flask) -> None:
    """`pix` is no language: the page's is taken."""
    browser = Browser(sample_app.test_client(), "pt")
    page = ask(browser, "pix")
    assert interaction_of(page, sample_app.extensions["kb_service"]).locale == "pt-BR"


def test_a_form_sent_twice_is_one_question_and_changed_words_are_another(browser: Browser, parts: Parts) -> None:
    """Double-clicks store once; going back and asking something else does not get the first answer."""
    form = browser.get("/help").form("/help")
    first, again = (interaction_of(browser.send(form, query=SURE), parts).id for _ in range(2))
    other = interaction_of(browser.send(form, query=UNKNOWN), parts)
    assert first == again != other.id
    assert other.decision == "handoff"


@pytest.mark.parametrize(
    ("query", "fields", "said"),
    [
        ("", {}, "Please write your question first."),
        ("   \n", {}, "Please write your question first."),
        ("", {"wish": "person"}, "Tell us in a few words what it is about"),
        ("x" * 5001, {}, "Your question is too long. Please use at most 5,000 characters."),
    ],
)
def test_what_is_wrong_is_said_in_place_and_her_words_are_kept(
    query: str, fields: dict[str, str], said: str, browser: Browser
) -> None:
    """On the same page, with the text still in its field."""
    page = ask(browser, query, 422, **fields)
    assert said in page.words
    assert page.all("textarea")[0].text.strip() == query.strip()
    assert page.text("h1") == "How can we help you?"


@pytest.mark.parametrize("fields", [{"message_id": ""}, {"message_id": "x" * 101}, {"wish": "pony"}])
def test_a_forged_form_is_refused(fields: dict[str, str], browser: Browser) -> None:
    """Never a 5xx."""
    ask(browser, SURE, 422, **fields)


def test_strange_characters_do_no_harm(browser: Browser, parts: Parts) -> None:
    """NUL, emoji, right-to-left marks and markup are taken as words."""
    page = ask(browser, "perd\0í mi tarjeta 😱 \u202e <b>ya</b>")
    assert interaction_of(page, parts).query == "perdí mi tarjeta 😱 \u202e <b>ya</b>"
    assert not page.all("b")


def test_nobody_else_can_see_her_question(sample_app: Flask, browser: Browser, parts: Parts) -> None:
    """The address of an answer is hers alone: another session gets 404."""
    kept = interaction_of(ask(browser, SURE), parts)
    browser.get(f"/help/questions/{kept.id}")
    Browser(sample_app.test_client()).get(f"/help/questions/{kept.id}", 404)


@pytest.mark.parametrize("action", ["feedback", "choices", "person"])
def test_nobody_else_can_react_to_her_question(action: str, sample_app: Flask, browser: Browser, parts: Parts) -> None:
    """Another session that knows the address gets 404, and nothing is stored."""
    hers = ask(browser, UNSURE)
    kept = interaction_of(hers, parts)
    entry = next(e for e in hers.all("button") if e.attributes.get("class") == "choice").attributes["value"]
    other = Browser(sample_app.test_client())
    token = other.get("/help").form("/help").fields["csrf_token"]
    fields = {"csrf_token": token, "event_id": "e", "helpful": "no", "entry": entry}
    answer = other.client.post(f"/help/questions/{kept.id}/{action}", data=fields, headers=other.headers)
    assert answer.status_code == 404
    with parts.database.reading() as work:
        assert not work.events.feedback_of(kept.id)
        assert not work.events.clicks_of(kept.id)
        assert not work.events.is_escalated(kept.id)


def test_an_index_that_is_not_ready_is_said_kindly(empty_app: Flask) -> None:
    """503, in place, and her words are kept; the page itself opens."""
    page = ask(Browser(empty_app.test_client()), SURE, 503)
    assert "The answers are being prepared." in page.words
    assert page.all("textarea")[0].text.strip() == SURE


def test_examples_are_real_questions_in_her_language(sample_app: Flask, parts: Parts) -> None:
    """Four published questions, and asking one is answered with confidence."""
    browser = Browser(sample_app.test_client(), "pt")
    page = browser.get("/help")
    chips = [e.attributes["value"] for e in page.all("button") if e.attributes.get("class") == "chip"]
    assert len(chips) == 4
    form = next(f for f in page.all("form") if f.attributes.get("class") == "chips")
    assert browser.send(form, query=chips[0]).all("article")[0].attributes["lang"] == "pt-BR"  # type: ignore[arg-type]


def test_htmx_gets_the_part_that_changes(browser: Browser) -> None:
    """The same address gives a fragment to htmx, and a whole page when htmx restores history."""
    form, headers = browser.get("/help").form("/help"), browser.headers | {"HX-Request": "true"}
    sent = browser.client.post("/help", data=form.fields | {"query": SURE}, headers=headers)
    fragment = browser.client.get(sent.location, headers=headers).text
    assert "<html" not in fragment
    assert "Did this help?" in fragment
    restored = browser.client.get(sent.location, headers=headers | {"HX-History-Restore-Request": "true"}).text
    assert "<html" in restored


def test_the_help_page_is_limited_by_address(own_app: Callable[..., Flask]) -> None:
    """429 with a page that says what to do."""
    browser = Browser(own_app(rate_limit="3/minute").test_client())
    pages = [browser.client.get("/help", headers=browser.headers) for _ in range(5)]
    assert [page.status_code for page in pages] == [200, 200, 200, 429, 429]
    assert "Too many requests" in Page(pages[-1].text).text("h1")


def test_the_contact_is_shown_wherever_a_person_is_wanted(own_app: Callable[..., Flask]) -> None:
    """On a handoff and beside a recorded request, with a link that can be followed and markup that cannot."""
    browser = Browser(own_app(contact="Call 55 0000 0000, https://bank.example <b>now</b>").test_client())
    page = ask(browser, UNKNOWN)
    for shown in (page, browser.send(page.form("/person"))):
        assert "Call 55 0000 0000, https://bank.example <b>now</b>" in shown.words
        assert any(e.attributes.get("href") == "https://bank.example" for e in shown.all("a"))
    assert "55 0000 0000" not in ask(browser, SURE).words


def test_one_choice_is_asked_about_in_the_singular(browser: Browser, parts: Parts) -> None:
    """Not which of these, where there is one."""
    queries = [UNSURE, "cobraron dos veces", "seguro", "enviar dinero a otro país", "no me llega el codigo"]
    chosen = [(q, parts.questions.consider(q, None).decision) for q in queries]
    for count, said in ((1, "Is this what you are looking for?"), (3, "Which of these is it?")):
        query = next(q for q, decision in chosen if decision.outcome == "suggest" and len(decision.candidates) == count)
        page = ask(browser, query)
        assert said in page.words
        assert ("No, it is something else:" in page.words) == (count == 1)


def test_her_own_words_hide_what_was_taken_out(browser: Browser, parts: Parts) -> None:
    """Every kind of mark that redaction leaves; brackets of her own stay."""
    page = ask(browser, "perdí mi tarjeta 4111 1111 1111 1111, soy ana@b.mx [urgente]")
    assert "perdí mi tarjeta •••, soy ••• [urgente]" in page.words
    assert interaction_of(page, parts).query == "perdí mi tarjeta [card], soy [email] [urgente]"


def test_those_who_work_here_find_back(signed_in: Callable[..., Browser]) -> None:
    """The start page, the help page and the API page say who is signed in; a customer sees nothing of it."""
    for address in ("/", "/help", "/docs"):
        page = signed_in("viewer").get(address)
        assert "viewer@aurora.example" in page.html
        assert page.form("/sign-out")
        assert any(e.attributes.get("href") == "/start" for e in page.all("a"))
        assert "/sign-out" not in signed_in(None).get(address).html
