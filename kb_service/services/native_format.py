"""The native import and export format: JSON Lines, one entry in one locale a line (docs/curator/import-format.md)."""

import json
import re
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from kb_service.errors import InvalidInput
from kb_service.locales import parse_locale
from kb_service.services.fill_macro import template_problem
from kb_service.storage.records import Content, Draft, Keyword, Revision

MAX_TEXT = 100_000
MAX_WEIGHT = 100
_KEY = re.compile(r"[\w][\w.:-]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text; ValueError where a database or UTF-8 cannot hold it."""
    if "\0" in text:
        raise ValueError("contains a NUL character")
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("contains half of a surrogate pair, which is not a character")
    return text


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError("a key may hold letters, digits and . _ : - and starts with a letter or digit")
    return text


def _worded(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("has no letters or digits")
    return text


_Filled = Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=1)]
Text = Annotated[_Filled, StringConstraints(max_length=MAX_TEXT), AfterValidator(storable)]
ShortText = Annotated[_Filled, StringConstraints(max_length=100), AfterValidator(storable)]
Title = Annotated[_Filled, StringConstraints(max_length=2000), AfterValidator(storable), AfterValidator(_worded)]
Body = Annotated[Text, AfterValidator(_worded)]
Key = Annotated[_Filled, StringConstraints(max_length=200), AfterValidator(_key)]
LocaleName = Annotated[Text, AfterValidator(parse_locale)]


class KeywordLine(BaseModel):
    """A keyword as written in the file."""

    model_config = ConfigDict(extra="forbid")

    term: Title
    weight: float = Field(1.0, ge=0, le=MAX_WEIGHT, strict=True, allow_inf_nan=False)


class EntryLine(BaseModel):
    """One line: an entry in one locale. FAQs have `question` and `answer`, macros `title` and `body`."""

    model_config = ConfigDict(extra="forbid")

    key: Key
    kind: Literal["faq", "macro"]
    locale: LocaleName
    question: Title | None = None
    answer: Body | None = None
    title: Title | None = None
    body: Body | None = None
    variants: Annotated[list[Title], Field(max_length=1000)] = []
    keywords: Annotated[list[KeywordLine], Field(max_length=1000)] = []
    product: ShortText | None = None
    channels: Annotated[list[ShortText], Field(max_length=50)] = []
    tags: Annotated[list[ShortText], Field(max_length=100)] = []
    shortcut: ShortText | None = None

    @model_validator(mode="after")
    def _fields_of_its_kind(self) -> Self:
        wanted = ("question", "answer") if self.kind == "faq" else ("title", "body")
        others = ("title", "body", "shortcut") if self.kind == "faq" else ("question", "answer")
        for name in wanted:
            if getattr(self, name) is None:
                raise ValueError(f"a {self.kind} needs {name!r}")
        for name in others:
            if getattr(self, name) is not None:
                raise ValueError(f"a {self.kind} has no {name!r}")
        if self.kind == "macro" and (problem := template_problem(self.body or "")):
            raise ValueError(f"body: the macro's template is wrong: {problem}")
        return self

    def draft(self) -> Draft:
        """The line as a draft; variants that repeat the title or each other are dropped."""
        title = self.question or self.title or ""
        variants = tuple(dict.fromkeys(variant for variant in self.variants if variant != title))
        content = Content(
            title,
            self.answer or self.body or "",
            variants,
            tuple(Keyword(keyword.term, keyword.weight) for keyword in self.keywords),
            self.product,
            tuple(dict.fromkeys(self.channels)),
            tuple(dict.fromkeys(self.tags)),
            self.shortcut,
        )
        return Draft(self.kind, self.key, self.locale, content)


def parse_line(text: str, default_locale: str | None = None) -> EntryLine:
    """Read one line; InvalidInput says which field is wrong and why."""
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of more than 4,300 digits
        raise InvalidInput(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InvalidInput(f"expected a JSON object, found {type(data).__name__}")
    if default_locale and "locale" not in data:
        data["locale"] = default_locale
    try:
        return EntryLine.model_validate(data)
    except ValidationError as error:
        raise InvalidInput("; ".join(_describe_line(part) for part in error.errors())) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; InvalidInput where a name comes twice, since one of its values would be lost."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise InvalidInput(f"the field {twice[:100]!r} is there twice")
    return fields


def _describe_line(part: Any) -> str:
    is_unlocated = part["type"] == "missing" and part["loc"] == ("locale",)
    return describe(part) + (" (--locale gives one to every line without)" if is_unlocated else "")


def describe(part: Any) -> str:
    """One pydantic error as `field: what is wrong`."""
    where = ".".join(str(step) for step in part["loc"])
    what = part["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def format_line(revision: Revision) -> dict[str, Any]:
    """The revision as a line that imports to the same content; empty fields are left out."""
    content = revision.content
    names = ("question", "answer") if revision.kind == "faq" else ("title", "body")
    line: dict[str, Any] = {
        "key": revision.key,
        "kind": revision.kind,
        "locale": revision.locale,
        names[0]: content.title,
        "variants": list(content.variants),
        "keywords": [{"term": keyword.term, "weight": keyword.weight} for keyword in content.keywords],
        names[1]: content.body,
        "product": content.product,
        "channels": list(content.channels),
        "tags": list(content.tags),
        "shortcut": content.shortcut,
    }
    return {name: value for name, value in line.items() if value not in (None, [])}
