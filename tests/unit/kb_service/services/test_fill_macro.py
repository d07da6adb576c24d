"""Filling macros in: Zendesk's placeholders, missing values, and templates made to do harm."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_service.errors import InvalidInput
from kb_service.services.fill_macro import MAX_OUTPUT, fill_macro, template_problem
from tests.support.bases import SAMPLE

TICKET = {
    "ticket": {
        "id": 1029,
        "requester": {"first_name": "Ana", "email": "ana@ejemplo.mx"},
        "tags": ["vip", "mx"],
        "assignee": None,
    },
    "current_user": {"first_name": "Luis", "name": "Luis Soto"},
}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Hola {{ticket.requester.first_name}}, soy {{ current_user.name }}.", "Hola Ana, soy Luis Soto."),
        ("#{{ticket.id}}", "#1029"),
        ("{{ticket.requester.first_name | upcase}}", "ANA"),
        ("{% if ticket.requester.first_name %}¡Hola!{% else %}Hi{% endif %}", "¡Hola!"),
        ("{{ ticket.requester['first_name'] }}", "Ana"),
        ("{% for tag in ticket.tags %}{{ tag }};{% endfor %}", "vip;mx;"),
        ("{{ ticket.requester.phone | default: 'sin teléfono' }}", "sin teléfono"),
        ("{% raw %}{{ticket.id}}{% endraw %}", "{{ticket.id}}"),
        ("sin nada", "sin nada"),
        ("", ""),
        ("{{ ticket.nothing | size }}", "0"),
    ],
)
def test_placeholders_are_filled_in(body: str, text: str) -> None:
    """As Zendesk fills them; nothing is missing."""
    filled = fill_macro(body, TICKET)
    assert (filled.text, filled.missing) == (text, ())


@pytest.mark.parametrize(
    ("body", "text", "missing"),
    [
        ("Hola {{ticket.requester.nickname}}.", "Hola [ticket.requester.nickname].", ("ticket.requester.nickname",)),
        ("{{dc.greeting}} {{ b }} {{dc.greeting}}", "[dc.greeting] [b] [dc.greeting]", ("dc.greeting", "b")),
        ("{{ ticket.ticket_field_360 }}", "[ticket.ticket_field_360]", ("ticket.ticket_field_360",)),
        ("{{ ticket['due date'] }}", "[ticket['due date']]", ("ticket['due date']",)),
        ("{{ ticket.due_date | date: '%d/%m/%Y' }}", "[ticket.due_date]", ("ticket.due_date",)),
        ("{{ ticket.amount | times: 2 | plus: 1 }}", "[ticket.amount]", ("ticket.amount",)),
        ("{{ ticket.name | upcase }}", "[ticket.name]", ("ticket.name",)),
        ("{{ ticket.assignee }}", "[ticket.assignee]", ("ticket.assignee",)),
        ("{{ ticket.assignee.name }}", "[ticket.assignee.name]", ("ticket.assignee.name",)),
        ("{% assign n = ticket.name %}{{ n }}", "[ticket.name]", ("ticket.name",)),
        ("{{ ticket.requester.first_name.x }}", "[ticket.requester.first_name.x]", ("ticket.requester.first_name.x",)),
    ],
)
def test_a_missing_value_is_listed_and_shown(body: str, text: str, missing: tuple[str, ...]) -> None:
    """In brackets, by its name, whatever filter follows: no hole, no wrong number, is sent to a customer."""
    filled = fill_macro(body, TICKET)
    assert (filled.text, filled.missing) == (text, missing)


def test_a_missing_value_that_is_only_asked_for_is_not_missing() -> None:
    """A condition on it takes the other branch."""
    body = "{% if ticket.nope %}a{% elsif ticket.nope == 'x' %}b{% else %}c{% endif %}{% for i in nope %}d{% endfor %}"
    assert fill_macro(body, TICKET) == fill_macro("c", {})


@pytest.mark.parametrize(
    "value", ["{{ticket.id}}", "{% raw %}", "{% if", "<script>alert(1)</script>", "}}", "\\{{ a }}", "[ticket.id]"]
)
def test_values_are_not_read_as_templates(value: str) -> None:
    """What a customer calls herself is shown as it is."""
    assert fill_macro("{{ name }}", {"name": value, "ticket": {"id": 7}}).text == value


@pytest.mark.parametrize(
    "name", ["self", "context", "data", "args", "kwargs", "template", "environment", "forloop", "_"]
)
def test_any_name_may_be_a_value(name: str) -> None:
    """Names that mean something to Python or to the template engine are values like any other."""
    assert fill_macro(f"{{{{ {name} }}}}", {name: "x"}).text == "x"


@pytest.mark.parametrize(
    "body",
    [
        "{{",
        "{{ }}",
        "{% if",
        "{% if a %}",
        "{% nonsense %}",
        "{{ a | nonsense }}",
        "{{ 1 | divided_by: 0 }}",
        "{% include 'x' %}",
        "{% render '/etc/passwd' %}",
        "{{ 9999999999999999 | date: '%Y' }}",
        "{% endif %}",
        "{{ '/w==' | base64_decode }}",
        "{% if a %}" * 3000 + "{% endif %}" * 3000,
    ],
    ids=lambda body: body[:25],
)
def test_a_wrong_template_is_an_error_of_ours(body: str) -> None:
    """It says that the macro's text is at fault."""
    with pytest.raises(InvalidInput, match="template") as caught:
        fill_macro(body, TICKET)
    assert caught.value.where == "body"


BOMBS = {
    "range": "{% for i in (1..100000000) %}x{% endfor %}",
    "nested loops": "{% for i in (1..999) %}{% for j in (1..999) %}x{% endfor %}{% endfor %}",
    "doubling": "{% assign a = 'xx' %}{% for i in (1..99) %}{% assign a = a | append: a %}{% endfor %}{{ a }}",
    "capture": "{% capture a %}{{a}}{{a}}xx{% endcapture %}" * 60 + "{{a}}",
    "replace": "{{ 'a' " + "| replace: 'a', 'aaaaaaaaaaaaaaaaaaaa'" * 12 + " }}",
    "replace once": "{% capture a %}" + "a" * 45_000 + "{% endcapture %}{{ a | replace: 'a', a }}",
    "join": "{% capture a %}" + "a" * 45_000 + "{% endcapture %}{{ a | split: '' | join: a }}",
    "squaring": "{% assign x = 99999 %}{% for i in (1..60) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
    "table": "{% tablerow i in (1..9999999) %}x{% endtablerow %}",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_template_bomb_is_defused(body: str) -> None:
    """In well under a second, and without the memory it asks for."""
    started = time.perf_counter()
    with pytest.raises(InvalidInput, match="template"):
        fill_macro(body, {})
    assert time.perf_counter() - started < 2


def test_a_huge_value_is_refused() -> None:
    """The filled-in text has a limit, whoever made it long."""
    assert len(fill_macro("{{ a }}", {"a": "x" * (MAX_OUTPUT - 1)}).text) == MAX_OUTPUT - 1
    with pytest.raises(InvalidInput, match="limit"):
        fill_macro("{{ a }}", {"a": "x" * (MAX_OUTPUT + 1)})


@pytest.mark.parametrize("body", ["{{ a.a.a }}", "{{ a }}", "nothing of it"])
def test_a_deep_context_is_refused_as_such(body: str) -> None:
    """Five thousand levels of JSON do not break the service, nor is the macro blamed."""
    deep: object = "x"
    for _ in range(5000):
        deep = {"a": [deep]}
    with pytest.raises(InvalidInput, match="the context is nested more than 50 levels deep") as caught:
        fill_macro(body, {"a": deep})
    assert caught.value.where == "context"
    shallow: object = "x"
    for _ in range(49):
        shallow = [shallow]
    assert fill_macro("{{ a | size }}", {"a": shallow}).text == "1"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{% if %}", "missing expression, line 1, column 4"),
        ("Hola,\n  {{ ", "expected '}}', found end of file, line 2, column 3"),
        ("{% if a %}x", "expected tag endif, found end of expression"),
        ("a\nb {% nonsense %}", "unexpected tag 'nonsense', line 2, column 6"),
        ("{% endif %}", "unexpected tag 'endif', line 1, column 4"),
        ("{% include 'x' %}", "unexpected tag 'include', line 1, column 4"),
        ("{% if x %}\n{{ x | upcase | nope }}{% endif %}", "unknown filter 'nope', line 2, column 17"),
        ("{% if a %}" * 3000 + "{% endif %}" * 3000, "block nesting limit reached, line 1, column 314"),
    ],
    ids=lambda text: text[:25],
)
def test_what_is_wrong_with_a_template_is_told_with_its_place(body: str, problem: str) -> None:
    """Before anything is filled in, on one line."""
    assert template_problem(body) == problem


@pytest.mark.parametrize(
    "body", ["", "Hola {{ticket.requester.first_name | default: 'x'}} {% if a %}{% endif %} 50 % {"]
)
def test_a_good_template_has_no_problem(body: str) -> None:
    """Whether its values are there or not."""
    assert template_problem(body) is None
    assert all(template_problem(sample) is None for sample in BODIES)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), values, max_size=4))
def test_any_context_fills_the_sample_macros(context: dict[str, object]) -> None:
    """Whatever JSON the ticket system sends, every macro of the sample base is filled in."""
    for body in BODIES:
        fill_macro(body, context)


BODIES = [json.loads(line)["body"] for line in Path(SAMPLE / "macros.jsonl").read_text(encoding="utf-8").splitlines()][
    ::9
]


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["{{", "}}", "{%", "%}", "if", "a", "|", "'", " ", "for", "end"])).map("".join)
)
def test_any_body_is_filled_in_or_refused(body: str) -> None:
    """Nothing but InvalidInput comes out of a template, and never where checking found no problem of syntax."""
    if template_problem(body) is None:
        fill_macro(body, {"a": 1})
    else:
        with suppress(InvalidInput):
            fill_macro(body, {"a": 1})
