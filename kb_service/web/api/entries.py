"""`GET /v1/entries`: read content."""

from datetime import datetime
from typing import Literal

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from kb_service.services.read_entries import MAX_PAGE, EntryFilter
from kb_service.storage.records import Revision
from kb_service.web.api.fields import Cursor, Identifier, LocaleName, Query, ShortWords
from kb_service.web.api.guard import blueprint
from kb_service.web.context import parts


class EntriesQuery(Query):
    """Which entries, and which page of them."""

    kind: Literal["faq", "macro"] | None = None
    locale: LocaleName | None = None
    q: ShortWords = Field("", description="Part of a key or title.")
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    after: Cursor | None = Field(None, description="The cursor that the page before gave.")


class EntryPath(BaseModel):
    """An entry's key."""

    key: Identifier


class KindQuery(Query):
    """Entries of the two kinds may share a key."""

    kind: Literal["faq", "macro"] = "faq"


class EntrySummaryOut(BaseModel):
    """An entry in one locale: its newest revision."""

    kind: str
    key: str
    locale: str
    title: str
    product: str | None
    tags: list[str]
    number: int
    published: bool
    updated_at: datetime


class EntriesOut(BaseModel):
    """One page; `after` is null on the last one."""

    entries: list[EntrySummaryOut]
    after: str | None


class KeywordOut(BaseModel):
    """A keyword and its weight."""

    term: str
    weight: float


class RevisionOut(BaseModel):
    """An immutable version of an entry in one locale."""

    id: int
    locale: str
    number: int
    title: str
    body: str
    variants: list[str]
    keywords: list[KeywordOut]
    product: str | None
    channels: list[str]
    tags: list[str]
    shortcut: str | None
    author: str
    created_at: datetime


class EntryOut(BaseModel):
    """An entry: the newest revision of every locale, and the live ones."""

    kind: str
    key: str
    newest: list[RevisionOut]
    live: list[RevisionOut]


def entries() -> APIBlueprint:
    """The routes of this resource."""
    api = blueprint("entries", "content:read", "/v1/entries", "Reads FAQs and macros.")

    @api.get("", operation_id="listEntries", summary="List entries", responses={200: EntriesOut})
    def index(query: EntriesQuery) -> Response:
        """By kind, key and locale, a page at a time."""
        wanted = EntryFilter(query.kind, query.locale, query.q or None)
        page = parts().entries.page(wanted, limit=query.limit, after=query.after)
        return jsonify(EntriesOut.model_validate(page, from_attributes=True).model_dump(mode="json"))

    @api.get("/<key>", operation_id="readEntry", summary="Read one entry", responses={200: EntryOut})
    def show(path: EntryPath, query: KindQuery) -> Response:
        """All its locales, drafts included; the ETag changes with the content."""
        entry = parts().entries.entry(query.kind, path.key)
        out = EntryOut(kind=entry.kind, key=entry.key, newest=_revisions(entry.newest), live=_revisions(entry.live))
        response = jsonify(out.model_dump(mode="json"))
        response.set_etag(entry.etag)
        response.make_conditional(request)
        return response

    return api


def _revisions(revisions: tuple[Revision, ...]) -> list[RevisionOut]:
    return [
        RevisionOut(
            id=revision.id,
            locale=revision.locale,
            number=revision.number,
            author=revision.author,
            created_at=revision.created_at,
            title=revision.content.title,
            body=revision.content.body,
            variants=list(revision.content.variants),
            keywords=[KeywordOut(term=keyword.term, weight=keyword.weight) for keyword in revision.content.keywords],
            product=revision.content.product,
            channels=list(revision.content.channels),
            tags=list(revision.content.tags),
            shortcut=revision.content.shortcut,
        )
        for revision in revisions
    ]
