"""Answers as safe HTML and as plain text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_service.services.render_answer import render_answer, safe_html

_MAY_BE_EMPTY = {"br", "hr", "img"}


class _Audit(HTMLParser):
    """Collects what a browser would see as tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _MAY_BE_EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _assert_safe(html: str) -> None:
    """No element or attribute that runs, loads a plug-in or frames, every link to a known scheme, all tags closed."""
    audit = _Audit(html)
    assert not audit.tags & {"script", "style", "iframe", "object", "embed", "svg", "math", "form", "input", "base"}
    assert not [name for name, _ in audit.attributes if name.startswith("on") or name in ("style", "srcdoc", "id")]
    links = [value for name, value in audit.attributes if name in ("href", "src")]
    assert all(link.split(":")[0].lower() in ("https", "http", "mailto", "tel") for link in links if ":" in link)
    assert audit.open == []


VECTORS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "![x](javascript:alert(1))",
    '![x](https://a.example/"onerror="alert(1))',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x](https://a.example "onmouseover=alert(1)")',
    "[x](https://a.example/'onclick='alert(1))",
    "<svg/onload=alert(1)>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "<!-- --><script>alert(1)</script>-->",
    "<a href='javascript:alert(1)'>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "[<img src=x onerror=alert(1)>](https://a.example)",
    "|a|\n|-|\n|<script>alert(1)</script>|",
    "[x](//evil.example)",
    "<details open ontoggle=alert(1)>",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
]


@pytest.mark.parametrize("markdown", VECTORS)
def test_nothing_in_an_answer_can_run(markdown: str) -> None:
    """Known ways to smuggle code into a page end as text or disappear."""
    _assert_safe(render_answer(markdown).html)
    _assert_safe(safe_html(markdown))


pieces = st.sampled_from(
    [*VECTORS, "<", ">", '"', "'", "`", "[", "](", ")", "!", "on", "=", "&#", ";", "\n", "- ", "|"]
)


@given(st.lists(pieces | st.text(max_size=10), max_size=12).map("".join))
def test_no_combination_of_pieces_can_run(markdown: str) -> None:
    """Whatever they are glued together to."""
    rendered = render_answer(markdown)
    _assert_safe(rendered.html)
    assert isinstance(rendered.text, str)


@given(st.text())
def test_any_text_is_rendered(markdown: str) -> None:
    """No text raises, and whitespace says nothing."""
    rendered = render_answer(markdown)
    _assert_safe(rendered.html)
    if not markdown.strip():
        assert rendered.text == ""


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("hola\n\nmundo", "hola\n\nmundo"),
        ("una\nlínea", "una línea"),
        ("una  \nlínea", "una\nlínea"),
        ("**a** *b* `c` ~~d~~", "a b c ~~d~~"),
        ("[Ayuda](https://a.example/x?y=1&z=2)", "Ayuda (https://a.example/x?y=1&z=2)"),
        ("[**Ayuda** ya](https://a.example)", "Ayuda ya (https://a.example)"),
        ("<https://a.example>", "https://a.example"),
        ("https://a.example/x", "https://a.example/x"),
        ("[a@b.example](mailto:a@b.example)", "a@b.example (a@b.example)"),
        ("[llámanos](tel:+525512345678)", "llámanos (+525512345678)"),
        ("![tu tarjeta](https://a.example/x.png)", "tu tarjeta"),
        ("1. uno\n2. dos", "1. uno\n2. dos"),
        ("3. tres\n4. cuatro", "3. tres\n4. cuatro"),
        ("- a\n- b\n  - c\n    1. d\n- e\n\nfin", "- a\n- b\n- c\n1. d\n- e\n\nfin"),
        ("# Título\n\ntexto", "Título\n\ntexto"),
        ("> cita", "cita"),
        ("```\nif a < b:\n```", "if a < b:"),
        ("| a | b |\n|---|:-:|\n| 1 | **2** |\n| x | |\n\nfin", "a | b\n1 | 2\nx |\n\nfin"),
        ("antes\n\n| a |\n|---|\n| 1 |", "antes\n\na\n1"),
        ("\\*no\\* &amp; <b>", "*no* & <b>"),
        ("", ""),
        ("🙂 ñ ﷺ", "🙂 ñ ﷺ"),
    ],
)
def test_plain_text_says_the_same(markdown: str, text: str) -> None:
    """For channels without HTML: structure as line breaks and markers, links spelled out."""
    found = "\n".join(line.rstrip() for line in render_answer(markdown).text.split("\n"))
    assert found == text


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**hola**", "<p><strong>hola</strong></p>"),
        ("[x](https://a.example)", '<p><a href="https://a.example" rel="noopener">x</a></p>'),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("3. x", '<ol start="3">\n<li>x</li>\n</ol>'),
    ],
)
def test_html_keeps_the_structure(markdown: str, html: str) -> None:
    """Markdown becomes the elements it means; HTML in it is shown as text."""
    assert render_answer(markdown).html == html


@pytest.mark.parametrize("markdown", ["[" * 20_000, "*a " * 20_000, "![" * 10_000, "> " * 20_000, "- " * 20_000])
def test_nesting_does_not_stall(markdown: str) -> None:
    """Input made to be slow is rendered, not recursed into."""
    _assert_safe(render_answer(markdown).html)
