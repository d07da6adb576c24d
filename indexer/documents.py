"""What is indexed: one published revision of an entry in one locale."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Kind = Literal["faq", "macro"]
KINDS: tuple[Kind, ...] = ("faq", "macro")


@dataclass(frozen=True, slots=True)
class Keyword:
    """A curator's term and its weight: 0 mutes the term for the entry, 1 is ordinary, there is no upper limit."""

    term: str
    weight: float

    def __post_init__(self) -> None:
        """Refuse (ValueError) a weight that is negative, infinite or NaN."""
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"keyword {self.term!r}: weight must be a finite number >= 0, got {self.weight}")


@dataclass(frozen=True, slots=True)
class Document:
    """One published revision of an entry in one locale.

    `title` is the question of a faq or the title of a macro and is not repeated in `phrasings`; `body` is Markdown.
    Empty `channels` means every channel. `shortcut` is a macro's typed abbreviation.
    """

    entry: str
    kind: Kind
    locale: str
    revision: int
    title: str
    body: str
    phrasings: tuple[str, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    product: str | None = None
    channels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    shortcut: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON types; `from_json` turns it back into an equal document."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The document `to_json` described. KeyError, TypeError or ValueError when `data` is not such a description."""
        keywords = tuple(Keyword(**keyword) for keyword in data["keywords"])
        lists = {name: tuple(data[name]) for name in ("phrasings", "channels", "tags")}
        return cls(**{**data, **lists, "keywords": keywords})
