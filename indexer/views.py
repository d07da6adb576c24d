"""The texts an entry is found by."""

import re
from collections.abc import Iterable

from indexer.documents import Document

# Enough of an answer or macro to say what it is about; encoders average over all words, so more would blur it.
BODY_CHARACTERS = 400
KEYWORD_WEIGHT = 0.5

_MARKUP = re.compile(
    r"""<[^>]*>               # HTML tags
      | \{%.*?%\}|\{\{.*?\}\}  # Liquid
      | \]\([^)]*\)           # targets of Markdown links and images
      | [*_`\#>|~\[\]!]+      # Markdown marks
    """,
    re.VERBOSE | re.DOTALL,
)


def plain_start(body: str) -> str:
    """The first BODY_CHARACTERS characters of `body` without Markdown, HTML and Liquid, on one line."""
    # The cut before the substitution keeps a 1 MB body cheap; markup is rarely longer than the text it marks.
    return " ".join(_MARKUP.sub(" ", body[: 4 * BODY_CHARACTERS]).split())[:BODY_CHARACTERS]


def phrasings(document: Document) -> tuple[str, ...]:
    """The texts whose vectors find the entry, each once, without empty ones; the first is its title.

    A faq: its question and variant phrasings. A macro: its title without the `::` between categories, the title's last
    part, its shortcut and the start of its body.
    """
    if document.kind == "faq":
        texts = [document.title, *document.phrasings]
    else:
        path = [part.strip() for part in document.title.split("::")]
        body = plain_start(document.body)
        texts = [" ".join(path), path[-1], *document.phrasings, document.shortcut or "", body]
    stripped = (" ".join(text.split()) for text in texts)
    return tuple(dict.fromkeys(text for text in stripped if text))


def views(document: Document) -> tuple[tuple[str, float], ...]:
    """Every text whose vector says what the document is about, each once, and how much it counts.

    Its phrasings and the start of its body, and the keywords that are not muted, as half a phrasing each: a curator's
    weight acts on words alone, so that raising one that is above 0 can only help the entry.
    """
    body = plain_start(document.body)
    keywords = (" ".join(keyword.term.split()) for keyword in document.keywords if keyword.weight > 0)
    weighted = [*((text, 1.0) for text in (*phrasings(document), body)), *((term, KEYWORD_WEIGHT) for term in keywords)]
    # Reversed, so that a text that is both counts as the phrasing.
    return tuple({text: weight for text, weight in reversed(weighted) if text}.items())


def all_texts(documents: Iterable[Document]) -> list[str]:
    """Every text of the documents that is turned into a vector."""
    return [text for document in documents for text, _ in views(document)]
