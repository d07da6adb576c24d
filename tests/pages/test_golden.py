"""The page of golden questions: kept from the form and from the tester, read with their results, removed."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from kb_service.parts import Parts
from kb_service.storage.accounts import ROLES
from kb_service.web.accounts import ADMIN_ROLES, GOLDEN_ROLES, create_user
from tests.support.bases import faq, write_lines
from tests.support.pages import PASSWORD, Browser, FormElement, Page

PATH = "/admin/golden-questions"
QUESTION = "¿Qué hago si pierdo mi tarjeta o me la roban?"  # the entry's own, and so answered however things are fitted


@pytest.fixture
def app(own_app: Callable[..., Flask]) -> Flask:
    """An application on a copy of the sample base, without golden questions."""
    return own_app()


@pytest.fixture
def parts(app: Flask) -> Parts:
    """Its parts."""
    found: Parts = app.extensions["kb_service"]
    return found


@pytest.fixture
def curator(app: Flask) -> Browser:
    """A curator's browser."""
    return _signed_in(app, "curator")


def _signed_in(app: Flask, role: str) -> Browser:
    create_user(app, f"{role}@golden.example", PASSWORD, role)
    browser = Browser(app.test_client())
    browser.sign_in(f"{role}@golden.example")
    return browser


def _form(page: Page) -> FormElement:
    """The form that keeps a question, with the one radio button chosen that is checked."""
    posting = [e for e in page.elements if isinstance(e, FormElement) and e.attributes.get("method") == "post"]
    form = next(e for e in posting if e.attributes["action"] == PATH)
    checked = [e.attributes["value"] for e in page.all("input") if "checked" in e.attributes]
    return FormElement(form.tag, form.attributes, "", form.fields | ({"right": checked[0]} if checked else {}))


def _keep(browser: Browser, status: int = 200, **fields: str) -> Page:
    values = {"query": QUESTION, "expected": "card-lost", "right": "entry"} | fields
    return browser.send(_form(browser.get(PATH)), status, **values)


def _publish(parts: Parts, *lines: Any) -> None:
    path = write_lines(parts.settings.data_dir / "lines.jsonl", lines)
    parts.importing.apply(parts.importing.preview(path, publish=True), author="x")
    parts.sync.sync()
    parts.live.refresh()


def test_without_any_the_page_says_how_to_begin(curator: Browser) -> None:
    """With the tester, the form and the command."""
    page = curator.get(PATH)
    assert "There are no golden questions yet" in page.words
    assert "kb golden import questions.jsonl" in page.words
    assert any(link.attributes["href"] == "/admin/test" for link in page.all("a"))
    assert _form(page).fields["query"] == ""


def test_a_question_is_kept_with_its_result(curator: Browser, parts: Parts) -> None:
    """Who kept it, in which recognised locale, and what a customer would get now."""
    page = _keep(curator, note="los lunes")
    (question,) = parts.golden.all()
    assert (question.locale, question.expected, question.added_by) == ("es-MX", "card-lost", "curator@golden.example")
    assert "The golden question is kept." in page.words
    assert QUESTION in page.words
    assert "What should I do if my card is lost or stolen?" in page.words
    assert "los lunes" in page.words
    for words in ("Accuracy", "Coverage", "Precision", "Right 1"):
        assert words in page.words
    assert [e.text for e in page.all("dd")] == ["100%", "100%", "100%"]
    assert "This question was kept already." in _keep(curator, query=QUESTION.upper()).words
    assert "it now expects what you said" in _keep(curator, right="nothing").words
    assert [q.expected for q in parts.golden.all()] == [None]
    assert "Answered wrongly" in curator.get(PATH).words


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": " "}, "Write the question in words"),
        ({"query": "¿?"}, "Write the question in words"),
        ({"query": "ana@b.mx"}, "Write the question in words"),
        ({"query": "x" * 5001}, "Your question is too long"),
        ({"expected": ""}, "Name the entry that answers it"),
        ({"expected": "no-such"}, "There is no FAQ with this key"),
        ({"expected": "greeting"}, "There is no FAQ with this key"),
        ({"note": "n" * 501}, "The note is too long"),
    ],
    ids=str,
)
def test_a_mistake_is_said_beside_its_field(curator: Browser, parts: Parts, fields: dict[str, str], said: str) -> None:
    """With what was typed still in the form, and nothing kept."""
    page = _keep(curator, 422, **fields)
    (error,) = [e for e in page.elements if e.attributes.get("class") == "invalid-feedback d-block"]
    assert said in error.text
    (field,) = [e for e in page.elements if e.attributes.get("aria-invalid") == "true"]
    assert error.attributes["id"] in field.attributes["aria-describedby"].split()
    assert parts.golden.count() == 0


@pytest.mark.parametrize("fields", [{"locale": "klingon"}, {"right": "both"}, {"expected": "k" * 300}], ids=str)
def test_a_forged_form_is_refused(curator: Browser, parts: Parts, fields: dict[str, str]) -> None:
    """422, no 5xx, nothing kept."""
    _keep(curator, 422, **fields)
    assert parts.golden.count() == 0


@pytest.mark.parametrize(
    "query",
    ["after=0", "after=x", "after=99999999999999999999", "grade=x", "done=x", "locale=klingon", "right=x"],
)
def test_a_forged_address_is_refused(curator: Browser, query: str) -> None:
    """422, no 5xx."""
    curator.get(f"{PATH}?{query}", 422)


def test_a_removed_question_stands_in_the_form(curator: Browser, parts: Parts) -> None:
    """One more click keeps it again as it was; a repeated removal does no harm."""
    _keep(curator, note="los lunes")
    (before,) = parts.golden.all()
    removal = curator.get(PATH).form("/remove")
    page = curator.send(removal)
    assert "The golden question is removed." in page.words
    assert parts.golden.count() == 0
    form = _form(page)
    assert {name: form.fields[name] for name in ("expected", "note", "right")} == {
        "expected": "card-lost",
        "note": "los lunes",
        "right": "entry",
    }
    (area,) = page.all("textarea")
    assert area.text.strip() == QUESTION
    curator.send(removal)
    curator.send(form, query=area.text.strip(), locale="es-MX")
    (again,) = parts.golden.all()
    assert (again.query, again.locale, again.expected, again.note) == (
        before.query, before.locale, before.expected, before.note,
    )  # fmt: skip


def test_the_filter_outlives_a_removal(curator: Browser) -> None:
    """She goes on where she was."""
    _keep(curator)
    _keep(curator, locale="en")
    page = curator.send(curator.get(f"{PATH}?entry=card-lost&grade=right").form("/remove?entry=card-lost&grade=right"))
    (field,) = [e for e in page.all("input") if e.attributes.get("id") == "entry"]
    assert field.attributes["value"] == "card-lost"


def test_the_list_is_filtered_and_read_page_after_page(curator: Browser, parts: Parts) -> None:
    """By entry and by result, newest first, each once."""
    for number in range(60):
        parts.golden_keeping.add(f"elefante rosa {number:02}", "es-MX", None, "x")
    _keep(curator)
    first = curator.get(f"{PATH}?grade=right")
    rest = curator.get(next(e.attributes["href"] for e in first.all("a") if e.attributes.get("rel") == "next"))
    asked = [e.text for page in (first, rest) for e in page.all("td") if e.attributes.get("class") == "cell-title"]
    shown = [text.split("Spanish")[0].strip() for text in asked]
    assert shown == [QUESTION, *(f"elefante rosa {number:02}" for number in reversed(range(60)))]
    assert "First page" in rest.words
    assert "elefante" not in " ".join(e.text for e in curator.get(f"{PATH}?entry=card-lost").all("td"))
    assert "No golden question fits" in curator.get(f"{PATH}?entry=no-such").words


@pytest.mark.parametrize(
    ("query", "proposed"),
    [(QUESTION, "card-lost"), ("quiero comprar un elefante rosa", "")],
)
def test_the_tester_keeps_what_it_was_asked(curator: Browser, parts: Parts, query: str, proposed: str) -> None:
    """It proposes what would be shown, or nothing where a person would be brought in."""
    page = curator.get(f"/admin/test?q={query}")
    (chosen,) = [e for e in page.all("option") if "selected" in e.attributes and e.attributes["value"] in (proposed,)][
        -1:
    ]
    kept = curator.send(page.form("/admin/golden-questions"), expected=chosen.attributes["value"])
    assert "The golden question is kept." in kept.words
    (question,) = parts.golden.all()
    assert (question.query, question.locale, question.expected) == (query, "es-MX", proposed or None)


def test_an_entry_leads_to_its_questions(curator: Browser) -> None:
    """With their number; the form there begins with its key. A macro has none."""
    _keep(curator)
    link = next(e for e in curator.get("/admin/entries/faq/card-lost").all("a") if e.text == "Golden questions (1)")
    page = curator.get(link.attributes["href"])
    assert QUESTION in page.words
    assert _form(page).fields["expected"] == "card-lost"
    assert "Golden questions (" not in curator.get("/admin/entries/macro/greeting").words


def test_what_a_publication_made_worse_is_named(curator: Browser, parts: Parts) -> None:
    """Here with both results and the measures that fell, and with a word on the overview."""
    _keep(curator)
    assert "last publication" not in curator.get(PATH).words
    _publish(
        parts, *[faq("card-lost", locale, question=f"otro asunto {locale}") for locale in ("es-MX", "pt-BR", "en")]
    )
    page = curator.get(PATH)
    assert "The last publication made 1 golden question worse." in page.words
    assert "Accuracy 100% → 0%" in page.words
    assert f"{QUESTION}: Right → Another entry first" in page.words
    assert "made 1 golden question worse" in curator.get("/admin").words


@pytest.mark.parametrize(("rule", "said"), [("warn", "which of them get worse"), ("block", "unless somebody accepts")])
def test_the_page_says_what_the_setting_means(own_app: Callable[..., Flask], rule: str, said: str) -> None:
    """So that a curator knows what to expect."""
    assert said in _signed_in(own_app(golden_regression=rule), "viewer").get(PATH).words


def test_before_there_is_an_index_results_are_not_known(empty_app: Flask) -> None:
    """The questions are there, and the page says why their results are not."""
    curator = _signed_in(empty_app, "curator")
    page = _keep(curator, right="nothing")
    assert "No index is loaded yet" in page.words
    assert "not known yet" in page.words


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_judge_answers_may_change_them(app: Flask, parts: Parts, role: str) -> None:
    """Others read them, and see no form; what they send is refused."""
    parts.golden_keeping.add("perdí mi tarjeta", "es-MX", "card-lost", "x")
    (question,) = parts.golden.all()
    curator, browser = _signed_in(app, "curator") if role != "curator" else None, _signed_in(app, role)
    if role in GOLDEN_ROLES:
        _keep(browser, query="otra pregunta", right="nothing")
        assert parts.golden.count() == 2
        return
    assert curator
    sending = {"keep": _form(curator.get(PATH)), "remove": curator.get(PATH).form("/remove")}
    if role in ADMIN_ROLES:
        page = browser.get(PATH)
        assert "perdí mi tarjeta" in page.words
        assert not [
            e for e in page.all("form") if e.attributes.get("method") == "post" and "golden" in e.attributes["action"]
        ]
        assert "Keep as golden question" not in browser.get("/admin/test?q=hola").words
    token = browser.get("/start").form("/sign-out").fields["csrf_token"]
    browser.send(sending["keep"], 403, query="otra", csrf_token=token)
    browser.send(sending["remove"], 403, id=str(question.id), csrf_token=token)
    assert [q.id for q in parts.golden.all()] == [question.id]
