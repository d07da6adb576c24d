"""Reading pages as a browser would, and sending their forms."""

import os
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import kb_service

TRANSLATIONS = Path(kb_service.__file__).parent / "translations"
PASSWORD = "a password for tests"
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def compile_catalogues() -> None:
    """Compile catalogues that are newer than their compiled form; test processes may do it side by side."""
    for po in TRANSLATIONS.glob("*/LC_MESSAGES/*.po"):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        written = mo.with_suffix(f".{os.getpid()}")
        with po.open("rb") as source, written.open("wb") as target:
            write_mo(target, read_po(source, locale=po.parts[-3]))
        written.replace(mo)


@dataclass
class Element:
    """An element with its attributes and the text within it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class FormElement(Element):
    """A form and the fields it would send."""

    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page's elements, in order; `forms` are among them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        assert self._open == [], f"not closed: {self._open}"

    def all(self, tag: str) -> list[Element]:
        """Every element with this tag."""
        return [element for element in self.elements if element.tag == tag]

    def text(self, tag: str) -> str:
        """The text of the only element with this tag."""
        (element,) = self.all(tag)
        return " ".join(element.text.split())

    @property
    def words(self) -> str:
        """All the page's text, with single spaces."""
        return " ".join(self.all("main")[0].text.split()) if self.all("main") else " ".join(self._text().split())

    def form(self, action: str) -> FormElement:
        """The first form that is sent to an address that ends like this."""
        forms = [e for e in self.elements if isinstance(e, FormElement) and e.attributes["action"].endswith(action)]
        assert forms, f"no form to {action}"
        return forms[0]

    def _text(self) -> str:
        return "".join(element.text for element in self.elements)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element, and note a field of the open form."""
        attributes = {name: value or "" for name, value in attrs}
        element = FormElement(tag, attributes) if tag == "form" else Element(tag, attributes)
        self.elements.append(element)
        form = next((e for e in reversed(self._open) if isinstance(e, FormElement)), None)
        if form and tag in ("input", "textarea", "select") and "name" in attributes:
            form.fields[attributes["name"]] = attributes.get("value", "")
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself, as in SVG."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the element, which must be the one opened last."""
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Text belongs to every open element."""
        for element in self._open:
            element.text += data


class Browser:
    """A client that follows redirects, as a browser without JavaScript."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self.client = client
        self.headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": language}

    def get(self, path: str, status: int = 200) -> Page:
        """Open a page."""
        return self._page(self.client.get(path, headers=self.headers, follow_redirects=True), status)

    def send(self, form: FormElement, status: int = 200, **fields: str) -> Page:
        """Fill a form in and send it."""
        values = form.fields | fields
        sent = self.client.post(form.attributes["action"], data=values, headers=self.headers, follow_redirects=True)
        return self._page(sent, status)

    def sign_in(self, email: str, password: str = PASSWORD) -> Page:
        """Sign in by the form."""
        return self.send(self.get("/sign-in").form("/sign-in"), email=email, password=password)

    def _page(self, response: TestResponse, status: int) -> Page:
        assert response.status_code == status, response.text[:2000]
        return Page(response.text)
