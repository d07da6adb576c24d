"""Finding macros as an agent types, and using them."""

import pytest

from kb_service.errors import InvalidInput, NotFound
from kb_service.services.use_macro import Use
from tests.support.bases import faq, macro
from tests.unit.kb_service.services.conftest import SmallBase

MACROS = [
    macro("greeting", title="General::Saludo", body="¡Hola, {{name}}!", shortcut="/hola", tags=["opening"]),
    macro("greeting", "pt-BR", title="Geral::Saudação", body="Oi, {{name}}!", shortcut="/hola"),
    macro("refund", title="Pix::Devolución", body="Tu **devolución** está en camino.", shortcut="/dev"),
    macro("refund", "pt-BR", title="Pix::Estorno", body="Seu estorno está a caminho.", shortcut="/dev"),
    macro(
        "address",
        title="Cuentas::Cambio de dirección",
        body="Ve a Ajustes.",
        keywords=[{"term": "domicilio", "weight": 2}],
    ),
    macro("only-english", "en", title="Cards::Replacement", body="A new card is on its way."),
]


@pytest.fixture
def desk(small: SmallBase) -> SmallBase:
    """Four macros and a FAQ that must never be found as one."""
    small.publish(*MACROS, faq("refund", question="¿Dónde está mi devolución?"))
    return small


def _keys(desk: SmallBase, text: str, locale: str = "es-MX", limit: int = 10) -> list[str]:
    return [found.key for found in desk.macros.search(text, locale, limit)]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("/dev", "refund"),
        ("dev", "refund"),
        ("/DEV", "refund"),
        ("/h", "greeting"),
        ("sal", "greeting"),
        ("devolucion", "refund"),
        ("DEVOLUCIÓN", "refund"),
        ("camb dir", "address"),
        ("direccion", "address"),
        ("domi", "address"),
        ("open", "greeting"),
        ("pix", "refund"),
        ("  /dev  ", "refund"),
    ],
)
def test_what_begins_as_typed_comes_first(desk: SmallBase, text: str, key: str) -> None:
    """A shortcut, or the words of title, tags and keywords, whatever their case and accents."""
    assert _keys(desk, text)[0] == key


def test_a_macro_is_found_in_another_language_and_shown_in_the_customers(desk: SmallBase) -> None:
    """The agent types Portuguese, the customer gets Spanish."""
    found = desk.macros.search("estorno", "es-MX", 10)[0]
    assert (found.key, found.locale, found.title) == ("refund", "es-MX", "Pix::Devolución")


def test_without_text_the_customers_macros_are_listed_by_title(desk: SmallBase) -> None:
    """Those of the locale; where it has none, all there are, each once."""
    assert _keys(desk, "") == ["address", "greeting", "refund"]
    assert _keys(desk, "   ", "pt-BR") == ["greeting", "refund"]
    assert sorted(_keys(desk, "", "fr")) == ["address", "greeting", "only-english", "refund"]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_each_macro_comes_once_and_no_more_than_asked_for(desk: SmallBase, limit: int) -> None:
    """Locales of one macro do not take the places of other macros: meaning fills up what typing leaves."""
    found = desk.macros.search("dev saludo", "es-MX", limit)
    assert [(macro.key, macro.by_meaning) for macro in found] == [("refund", False), ("greeting", True)][:limit]


@pytest.mark.parametrize("text", ["asdfgh", "zzzzzzzz", "/zzz"])
def test_what_nobody_means_finds_nothing(desk: SmallBase, text: str) -> None:
    """Something is always nearest; it is left out where no word is shared and little is sure."""
    assert _keys(desk, text) == []


@pytest.mark.parametrize("text", ["%", "\\", "{{", "🙂", "x" * 5000, "\u202e", "'"])
def test_any_text_may_be_typed(desk: SmallBase, text: str) -> None:
    """It finds something or nothing."""
    assert isinstance(_keys(desk, text), list)


def test_a_macro_comes_in_the_nearest_locale(desk: SmallBase) -> None:
    """By the fallback chain; unknown keys and FAQ keys are not found."""
    assert desk.macros.macro("greeting", "pt-PT").locale == "pt-BR"
    assert desk.macros.macro("only-english", "es-MX").locale == "en"
    for key in ("nothing", "", "GREETING"):
        with pytest.raises(NotFound, match="macro"):
            desk.macros.macro(key, "es-MX")


def test_a_rendered_macro_is_filled_in_as_text_and_html(desk: SmallBase) -> None:
    """HTML in a value is shown, not obeyed; missing values are listed."""
    filled = desk.macro_uses.render("greeting", "es-MX", {"name": "<b>Ana</b>"})
    assert (filled.text, filled.html) == ("¡Hola, <b>Ana</b>!", "<p>¡Hola, &lt;b&gt;Ana&lt;/b&gt;!</p>")
    assert filled.missing == ()
    assert desk.macro_uses.render("greeting", "es-MX", {}).missing == ("name",)
    assert desk.macro_uses.render("refund", "es-MX", {}).html == "<p>Tu <strong>devolución</strong> está en camino.</p>"


def test_a_use_is_stored_once_with_the_revision_used(desk: SmallBase) -> None:
    """By default the one that is live in the locale; an older one of the same macro may be named."""
    old = desk.macros.macro("refund", "es-MX").revision
    desk.publish(macro("refund", body="new"))
    new = desk.macros.macro("refund", "es-MX").revision
    assert desk.macro_uses.record("desk", "refund", Use("1", "sent", "es-MX"))
    assert not desk.macro_uses.record("desk", "refund", Use("1", "discarded", "es-MX"))
    assert desk.macro_uses.record("desk", "refund", Use("2", "edited", "pt-BR", old, "agent", "ticket"))
    with desk.database.reading() as work:
        uses = work.events.macro_uses("refund")
    assert [(use.revision_id, use.locale, use.outcome) for use in uses] == [
        (new, "es-MX", "sent"),
        (old, "es-MX", "edited"),
    ]


def test_a_use_of_something_else_is_refused(desk: SmallBase) -> None:
    """Another macro's revision, a FAQ's, one that does not exist; a macro that does not."""
    other = desk.macros.macro("greeting", "es-MX").revision
    for revision in (other, 10**6, -1):
        with pytest.raises(InvalidInput, match="not a revision of macro") as caught:
            desk.macro_uses.record("desk", "refund", Use("1", "sent", "es-MX", revision))
        assert caught.value.where == "revision"
    with pytest.raises(NotFound):
        desk.macro_uses.record("desk", "nothing", Use("1", "sent", "es-MX"))
