"""Documents and what they are found by."""

import json

import pytest

from indexer.documents import Document, Keyword
from indexer.views import BODY_CHARACTERS, phrasings, plain_start


def test_a_document_survives_json() -> None:
    """to_json and from_json are inverse, tuples and keywords included."""
    document = Document(
        "a", "macro", "es", 3, "T\ud800", "b", ("x",), (Keyword("k", 0.5),), "p", ("chat",), ("t",), "s"
    )
    assert Document.from_json(json.loads(json.dumps(document.to_json()))) == document


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_keyword_needs_a_finite_weight_that_is_not_negative(weight: float) -> None:
    """Anything else is refused where it is made."""
    with pytest.raises(ValueError, match="weight"):
        Keyword("k", weight)


def test_a_faq_is_found_by_its_questions() -> None:
    """Title first, each text once, no empty ones."""
    assert phrasings(Document("a", "faq", "en", 1, " Why? ", "Because.", ("Why?", "", "How  come?"))) == (
        "Why?",
        "How come?",
    )


def test_a_macro_is_found_by_title_shortcut_and_body(bank: list[Document]) -> None:
    """The categories before :: are words of the title, the last part stands alone; Liquid and Markdown are gone."""
    assert phrasings(bank[-1]) == ("Pix Devolución", "Devolución", "dev", "Hola , tu devolución está en camino.")


def test_the_start_of_a_body_is_plain_and_short() -> None:
    """HTML, links, images and Liquid leave only what a reader sees."""
    assert (
        plain_start('<p class="x">See [the app](https://x.y)</p>\n\n# Now {% if a %}**go**{% endif %}')
        == "See the app Now go"
    )
    assert len(plain_start("word " * 100_000)) <= BODY_CHARACTERS
