"""Turn an answer's Markdown into safe HTML and into plain text."""

from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS = (
    {"p", "br", "strong", "em", "ul", "ol", "li", "a", "code", "pre", "blockquote", "hr"}
    | {f"h{level}" for level in range(1, 7)}
    | {"table", "thead", "tbody", "tr", "th", "td", "img"}
)
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One answer as plain text (links spelled out) and as sanitised HTML."""

    text: str
    html: str


def render_answer(markdown: str) -> Rendered:
    """Render Markdown; raw HTML in it is shown as text, and only https, http, mailto and tel links survive."""
    return Rendered(_plain(markdown), safe_html(_MARKDOWN.render(markdown)))


def safe_html(html: str) -> str:
    """The HTML with everything that could run or track taken out."""
    return nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"https", "http", "mailto", "tel"}, link_rel="noopener"
    ).strip()


def _plain(markdown: str) -> str:
    """Plain text: list items keep their marker, cells of a table row are parted by ` | `, `[label](url)` becomes
    `label (url)`, an image its alt text."""
    lines: list[str] = []
    cells: list[str] = []
    marker = ""
    for token in _MARKDOWN.parse(markdown):
        if token.type == "list_item_open":
            marker = f"{token.info}{token.markup} " if token.info else "- "
        elif token.type in ("th_close", "td_close"):
            cells.append(lines.pop())
        elif token.type == "tr_close":
            lines.append(" | ".join(cells))
            cells = []
        elif token.type == "inline":
            lines.append(marker + _inline(token.children or []))
            marker = ""
        elif token.type in ("fence", "code_block"):
            lines.append(token.content.rstrip("\n"))
        elif (token.type in ("paragraph_close", "heading_close") and not token.hidden) or (
            token.type in ("bullet_list_close", "ordered_list_close", "table_close") and token.level == 0
        ):
            lines.append("")
    return "\n".join(lines).strip()


def _inline(tokens: list[Token]) -> str:
    text, links = "", []
    for token in tokens:
        if token.type in ("text", "code_inline", "image"):
            text += token.content
        elif token.type in ("softbreak", "hardbreak"):
            text += "\n" if token.type == "hardbreak" else " "
        elif token.type == "link_open":
            links.append((str(token.attrs["href"]), len(text)))
        elif token.type == "link_close":
            url, start = links.pop()
            text += "" if text[start:] == url else f" ({url.removeprefix('mailto:').removeprefix('tel:')})"
    return text
