"""How sure we are: what is promised, on what evidence, from when on we answer, and whether that is borne out."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from indexer.confidence import ConfidenceModel
from indexer.explanation import Change
from kb_service.app import create_app
from kb_service.parts import Parts
from kb_service.settings import Settings
from kb_service.web.accounts import create_user
from tests.support.bases import SAMPLE, faq, publish
from tests.support.pages import PASSWORD, Browser, Page

WORDS = {
    "en": (
        "What we promise",
        "Right replies of all that we give by ourselves; 95% is wanted",
        "measured on the content as",
    ),
    "es": (
        "Qué prometemos",
        "Respuestas correctas de todas las automáticas; se quiere 95%",
        "con el contenido tal como está ahora",
    ),
    "pt": (
        "O que prometemos",
        "Respostas certas de todas as automáticas; o desejado é 95%",
        "com o conteúdo como ele está agora",
    ),
}


def _serve(folder: Path) -> Flask:
    app = create_app(Settings(data_dir=folder, secret_key="x", rate_limit="off"))
    app.extensions["kb_service"].live.refresh()
    return app


def _copy(app: Flask, folder: Path) -> Flask:
    """The same knowledge base in an application of its own."""
    shutil.copytree(app.extensions["kb_service"].settings.data_dir, folder / "data")
    return _serve(folder / "data")


def _viewer(app: Flask, language: str = "en") -> Browser:
    browser = Browser(app.test_client(), language)
    browser.sign_in("viewer@aurora.example")
    return browser


def _model(app: Flask) -> ConfidenceModel:
    found: ConfidenceModel = app.extensions["kb_service"].live.current().snapshot.confidence_model
    return found


@pytest.fixture(scope="module")
def fitted(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application on the sample base, fitted to it."""
    folder = tmp_path_factory.mktemp("fitted") / "data"
    shutil.copytree(sample_folder, folder)
    app = _serve(folder)
    create_user(app, "viewer@aurora.example", PASSWORD, "viewer")
    parts: Parts = app.extensions["kb_service"]
    parts.sync.fit()
    parts.live.refresh()
    yield app
    parts.database.close()


@pytest.fixture
def poor(empty_app: Flask) -> Flask:
    """An application on three entries with one phrasing each."""
    parts: Parts = empty_app.extensions["kb_service"]
    lines = [faq("lost", question="perdí mi tarjeta"), faq("pin", question="mi nip"), faq("fee", question="comisiones")]
    publish(parts.database, parts.settings.data_dir / "x.jsonl", lines)
    parts.sync.sync()
    parts.live.refresh()
    create_user(empty_app, "viewer@aurora.example", PASSWORD, "viewer")
    return empty_app


def _rows(page: Page) -> list[list[str]]:
    cells = [element.text.strip() for element in page.all("td")]
    return [cells[start : start + 3] for start in range(0, len(cells), 3)]


@pytest.mark.parametrize("language", WORDS)
def test_promise_evidence_and_thresholds_are_those_in_force(fitted: Flask, language: str) -> None:
    """In her language; the numbers are the index's own."""
    page, model = _viewer(fitted, language).get("/admin/answers"), _model(fitted)
    promise, evidence = model.promise, model.evidence
    assert promise
    for words in WORDS[language]:
        assert words in page.words
    figures = [e.text for e in page.all("dd") if e.attributes.get("class") == "figure"]
    shown = [figure.replace(" ", "").replace("\xa0", "").replace(",", ".").rstrip("%") for figure in figures]
    assert float(shown[0]) == pytest.approx(100 * promise.precision, abs=0.06)
    assert float(shown[1]) == pytest.approx(100 * promise.coverage, abs=0.06)
    assert [int(each) for each in shown[2:]] == [evidence.answerable, evidence.unanswerable, evidence.labelled]


def test_the_diagram_has_its_numbers_beside_it(fitted: Flask) -> None:
    """A dot and a row for every group of questions, and words for those who do not see the dots."""
    page, model = _viewer(fitted).get("/admin/answers"), _model(fitted)
    assert model.promise
    bins = model.promise.reliability
    assert len(bins) > 5
    (diagram,) = (e for e in page.all("svg") if e.attributes.get("class") == "reliability")
    assert diagram.attributes["role"] == "img"
    assert "How often the first entry was right" in diagram.attributes["aria-label"]
    assert len(page.all("circle")) == len(bins) == len(_rows(page))
    for row, bin_ in zip(_rows(page), bins, strict=True):
        assert float(row[0].rstrip("%")) == pytest.approx(100 * bin_.confidence, abs=0.06)
        assert float(row[1].rstrip("%")) == pytest.approx(100 * bin_.right, abs=0.06)
        assert int(row[2]) == bin_.questions
    heights = [float(dot.attributes["cy"]) for dot in page.all("circle")]
    assert (heights[0] > heights[-1]) == (bins[0].right < bins[-1].right)


def test_content_that_has_changed_since_is_said(fitted: Flask, tmp_path: Path) -> None:
    """The promise is that of an earlier state until the next fit."""
    app = _copy(fitted, tmp_path)
    parts: Parts = app.extensions["kb_service"]
    publish(parts.database, tmp_path / "x.jsonl", [faq("new")])
    parts.sync.sync()
    parts.live.refresh()
    page = _viewer(app).get("/admin/answers")
    assert "measured on an earlier state of the content" in page.words
    assert "Right replies" in page.words
    parts.database.close()


def test_before_the_first_fit_nothing_is_promised(poor: Flask) -> None:
    """It says so, that we are careful meanwhile, and that it comes by itself."""
    page = _viewer(poor).get("/admin/answers")
    assert "Nothing yet: how sure we may be has not been measured" in page.words
    assert "we are careful and answer only when we are very sure" in page.words
    assert "These are starting values" in page.words
    assert page.all("circle") == []
    assert "Nothing is promised yet" in _viewer(poor).get("/admin").words
    assert "starting values, not yet fitted" in _viewer(poor).get("/admin/test?q=tarjeta").words


def test_with_too_little_evidence_it_says_what_helps(poor: Flask) -> None:
    """More phrasings and golden questions, and how many it takes."""
    parts: Parts = poor.extensions["kb_service"]
    parts.sync.fit()
    parts.live.refresh()
    assert _model(poor).promise is None
    page = _viewer(poor).get("/admin/answers")
    assert "at least 60 questions with a known answer and 20 that nothing answers" in page.words
    assert "A second and a third phrasing for every entry" in page.words
    assert any(e.attributes["href"].endswith("/admin/golden-questions") for e in page.all("a") if e.text)
    assert "from a confidence of 95% on" in page.words


def test_without_an_index_it_says_how_to_build_one(empty_app: Flask) -> None:
    """No figures, no 5xx."""
    create_user(empty_app, "viewer@aurora.example", PASSWORD, "viewer")
    assert "kb index sync" in _viewer(empty_app).get("/admin/answers").words


def test_the_overview_has_the_promise_in_one_sentence(fitted: Flask) -> None:
    """And leads to the page."""
    page = _viewer(fitted).get("/admin")
    assert "of the replies we give by ourselves should be right" in page.words
    (link,) = (e for e in page.all("a") if e.text == "How we know")
    assert _viewer(fitted).get(link.attributes["href"]).text("h1") == "How sure we are"


@pytest.mark.parametrize(
    ("query", "heading", "change"),
    [
        ("perdi mi tarjeta", "What would take the answer away", "that would be the answer."),
        ("¿cómo cambio el NIP de mi tarjeta?", "What would take the answer away", "word for word, a phrasing of this"),
        (
            "mi tarjeta no sirve",
            "What would change this",
            "were a phrasing of this entry, we would answer by ourselves",
        ),
    ],
)
def test_the_tester_says_why_and_what_would_change_it(fitted: Flask, query: str, heading: str, change: str) -> None:
    """The five signals against the runner-up's, the words, the parts of the confidence, and what would change it."""
    page = _viewer(fitted).get(f"/admin/test?q={query}")
    considered = fitted.extensions["kb_service"].questions.consider(query, None, explained=True)
    why = considered.explanation
    assert heading in [e.text for e in page.all("h2")]
    assert change in page.words
    assert why.runner_up == considered.ranked[1].entry
    assert considered.ranked[1].document.title in page.words
    compared = [e for e in page.all("dd") if "against" in e.text]
    assert len(compared) == 6
    for signal, shown in zip(why.signals, compared, strict=False):
        mine, other = shown.text.replace("against", " ").split()
        assert float(mine) == pytest.approx(signal.amount, abs=0.051)
        assert float(other) == pytest.approx(signal.amount - signal.ahead, abs=0.051)
    assert "How the confidence comes about" in page.words
    assert all(word in page.words for word in why.unmatched)
    assert ("Words that nothing in this entry has" in page.words) == bool(why.unmatched)
    assert "questions whose answer is known" in page.words


def test_what_was_taken_out_of_a_question_is_not_proposed_as_a_phrasing(fitted: Flask) -> None:
    """The phrasing to add is the question as it is compared, without personal data and without its marks."""
    page = _viewer(fitted).get("/admin/test?q=mi+tarjeta+4111+1111+1111+1111+no+sirve")
    (line,) = (e.text for e in page.all("li") if "were a phrasing of this entry" in e.text)
    assert "mi tarjeta" in line
    assert "4111" not in line
    assert "[" not in line


def _with_keyword(app: Flask, *, enough: bool) -> tuple[str, Change]:
    """A question that is not answered, and what is said of a keyword it has: that a weight is enough, or none."""
    questions = app.extensions["kb_service"].questions
    lines = [json.loads(line) for line in (SAMPLE / "faqs.jsonl").read_text("utf-8").splitlines()]
    terms = dict.fromkeys(keyword["term"] for line in lines for keyword in line.get("keywords", []))
    for query in (f"quiero {term} tarjeta" for term in terms):
        why = questions.consider(query, None, explained=True).explanation
        for change in (change for change in why.changes if change.kind == "keyword"):
            if (change.value is not None and change.value < 50) if enough else change.value is None:
                return query, change
    pytest.fail("there is none")


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_a_keyword_weight_that_would_be_enough_is(fitted: Flask, language: str, tmp_path: Path) -> None:
    """Published with the weight that the page names, rounded as it is, the question gets what was said."""
    query, change = _with_keyword(fitted, enough=True)
    page = _viewer(fitted, language).get(f"/admin/test?q={query}")
    (said,) = (e.text for e in page.all("li") if f"“{change.term}”" in e.text)
    numbers = re.findall(r"[0-9]+(?:[.,][0-9]+)?", said.replace(f"“{change.term}”", ""))
    weight, now = (float(number.replace(",", ".")) for number in numbers)
    assert (now, weight) == (change.now, pytest.approx(change.value, rel=0.2))
    app = _copy(fitted, tmp_path)
    parts: Parts = app.extensions["kb_service"]
    lines = [json.loads(line) for line in (SAMPLE / "faqs.jsonl").read_text("utf-8").splitlines()]
    own = [line for line in lines if line["key"] == change.entry]
    for keyword in (keyword for line in own for keyword in line["keywords"] if keyword["term"] == change.term):
        keyword["weight"] = weight
    publish(parts.database, tmp_path / "x.jsonl", own)
    parts.sync.sync()
    parts.live.refresh()
    after = parts.questions.consider(query, None)
    assert (after.ranked[0].entry, after.decision.outcome) == (change.entry, change.outcome)
    parts.database.close()


def test_a_keyword_that_cannot_be_enough_is_said(fitted: Flask) -> None:
    """Not even with the greatest weight that may be set."""
    query, change = _with_keyword(fitted, enough=False)
    words = _viewer(fitted).get(f"/admin/test?q={query}").words
    assert f"No weight of the keyword “{change.term}” would be enough, not even the greatest, 100." in words
