"""Entries, revisions, publications and the change log, the same on SQLite and PostgreSQL."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.exc import StatementError

from kb_service.errors import NotFound
from kb_service.storage.database import Database
from kb_service.storage.records import Change, Content, Draft, Keyword
from kb_service.storage.tables import ChangeRow, EntryRow, PublicationRow


def _content(title: str = "¿Cómo?", body: str = "Así.", **fields) -> Content:
    return Content(title, body, **fields)


def _add(database: Database, key: str, locale: str = "es-MX", *, publish: bool = False, kind="faq", **fields) -> int:
    with database.writing() as work:
        revision = work.content.add_revision(kind, key, locale, _content(**fields), "ana")
        if publish:
            work.content.publish(revision.id, "ana")
        work.commit()
    return revision.id


def _live(database: Database, kind="faq") -> dict[tuple[str, str], int]:
    """Ids of the live revisions by key and locale."""
    with database.reading() as work:
        return {(r.key, r.locale): r.number for r in work.content.published() if r.kind == kind}


def test_revisions_are_numbered_per_entry_and_locale(database: Database) -> None:
    """Each locale of each entry counts from 1, whatever is added in between."""
    for key, locale in [("a", "es-MX"), ("a", "en"), ("a", "es-MX"), ("b", "es-MX"), ("a", "es-MX"), ("a", "en")]:
        _add(database, key, locale)
    with database.reading() as work:
        numbers = {key: [(r.locale, r.number) for r in work.content.revisions_of("faq", key)] for key in "ab"}
    assert numbers == {"a": [("en", 2), ("en", 1), ("es-MX", 3), ("es-MX", 2), ("es-MX", 1)], "b": [("es-MX", 1)]}


def test_an_older_revision_stays_as_it_was(database: Database) -> None:
    """Adding and publishing newer revisions changes nothing of an older one."""
    first = _add(database, "a", title="uno", publish=True)
    with database.reading() as work:
        before = work.content.revisions_by_id([first])[first]
    _add(database, "a", title="dos", publish=True)
    with database.reading() as work:
        assert work.content.revisions_by_id([first])[first] == before
        assert [r.content.title for r in work.content.latest()] == ["dos"]


def test_a_faq_and_a_macro_may_share_a_key(database: Database) -> None:
    """They are two entries."""
    _add(database, "a", publish=True)
    _add(database, "a", kind="macro", publish=True, title="General::A")
    with database.reading() as work:
        assert work.content.count() == {"faq": 1, "macro": 1}
        assert [(r.kind, r.number) for r in work.content.published()] == [("faq", 1), ("macro", 1)]


def test_exactly_one_revision_is_live(database: Database) -> None:
    """Publishing replaces, unpublishing removes, publishing an older revision brings it back; history is kept."""
    first = _add(database, "a", publish=True)
    second = _add(database, "a")
    assert _live(database) == {("a", "es-MX"): 1}
    for step, live in [(second, 2), (first, 1), (None, None), (second, 2)]:
        with database.writing() as work:
            if step is None:
                assert work.content.unpublish("faq", "a", "es-MX")
                assert not work.content.unpublish("faq", "a", "es-MX")
            else:
                work.content.publish(step, "ana")
            work.commit()
        assert _live(database) == ({("a", "es-MX"): live} if live else {})
    with database.reading() as work:
        rows = work.session.execute(select(PublicationRow).order_by(PublicationRow.id)).scalars().all()
    assert [row.revision_id for row in rows] == [first, second, first, second]
    assert [row.ended_at is None for row in rows] == [False, False, False, True]
    assert all(row.published_at <= row.ended_at for row in rows[:-1])


def test_publishing_what_is_live_changes_nothing(database: Database) -> None:
    """No line in the change log, no new publication."""
    revision = _add(database, "a", publish=True)
    with database.writing() as work:
        work.content.publish(revision, "ana")
        work.commit()
        assert work.content.highest_change() == 1


@pytest.mark.parametrize(("kind", "key", "locale"), [("faq", "x", "en"), ("macro", "a", "en"), ("faq", "a", "pt-BR")])
def test_unpublishing_what_is_not_live_says_so(database: Database, kind, key: str, locale: str) -> None:
    """Unknown entry, other kind, other locale: False, and nothing is logged."""
    _add(database, "a", "en", publish=True)
    with database.writing() as work:
        assert not work.content.unpublish(kind, key, locale)
        assert work.content.highest_change() == 1


def test_the_change_log_names_every_publication_once_in_order(database: Database) -> None:
    """Drafts are not changes; each switch of what is live is one."""
    _add(database, "a", "es-MX", publish=True)
    _add(database, "a", "es-MX")
    _add(database, "b", "en", publish=True, kind="macro")
    with database.writing() as work:
        work.content.unpublish("faq", "a", "es-MX")
        work.commit()
        assert work.content.changes_after(0) == [
            Change(1, "faq", "a", "es-MX"),
            Change(2, "macro", "b", "en"),
            Change(3, "faq", "a", "es-MX"),
        ]
        assert [change.id for change in work.content.changes_after(2)] == [3]
        assert work.content.changes_after(10**18) == []


def test_a_reader_never_misses_a_change_of_concurrent_publishers(database: Database) -> None:
    """Eight publishers at once; a reader that polls for what is behind the last id it saw meets every change."""
    publishers, each = 8, 12
    revisions = [[_add(database, f"entry-{p}-{n}") for n in range(each)] for p in range(publishers)]
    done, seen = threading.Event(), []

    def read() -> None:
        last = 0
        while True:
            finished = done.is_set()
            with database.reading() as work:
                changes = work.content.changes_after(last)
            seen.extend(change.key for change in changes)
            last = changes[-1].id if changes else last
            time.sleep(0.001)
            if finished:
                return

    def publish(own: list[int]) -> None:
        for revision in own:
            with database.writing() as work:
                work.content.publish(revision, "ana")
                work.commit()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with ThreadPoolExecutor(publishers) as pool:
            list(pool.map(publish, revisions))
    finally:
        done.set()
        reader.join()
    assert sorted(seen) == sorted(f"entry-{p}-{n}" for p in range(publishers) for n in range(each))


def test_concurrent_editors_of_one_entry_wait_for_each_other(database: Database) -> None:
    """Eight threads add and publish revisions of one new entry: each succeeds, numbers have no gap, one is live."""
    editors, each = 8, 5

    def edit(editor: int) -> None:
        for number in range(each):
            _add(database, "shared", title=f"{editor}.{number}", publish=True)

    with ThreadPoolExecutor(editors) as pool:
        list(pool.map(edit, range(editors)))
    with database.reading() as work:
        numbers = [revision.number for revision in work.content.revisions_of("faq", "shared")]
        assert len(work.content.live_ids("faq", "shared")) == 1
        assert [change.id for change in work.content.changes_after(0)] == list(range(1, editors * each + 1))
    assert numbers == list(range(editors * each, 0, -1))


def test_states_describe_the_newest_revision_and_what_is_live(database: Database) -> None:
    """Per locale: number, checksum and id of the newest, id of the live one; 1,500 names are looked up at once."""
    first = _add(database, "a", "en", publish=True)
    second = _add(database, "a", "en", title="new")
    draft = _add(database, "a", "pt-BR")
    with database.reading() as work:
        names = [("faq", "a"), *(("macro", f"none-{number}") for number in range(1500))]
        states = work.content.states(names)
    assert states.keys() == {("faq", "a", "en"), ("faq", "a", "pt-BR")}
    english, portuguese = states["faq", "a", "en"], states["faq", "a", "pt-BR"]
    assert (english.latest_id, english.latest_number, english.live_id) == (second, 2, first)
    assert english.latest_checksum == _content("new").checksum
    assert (portuguese.latest_id, portuguese.latest_number, portuguese.live_id) == (draft, 1, None)


def test_published_of_names_gives_those_only(database: Database) -> None:
    """All locales of the named entries, in order; names that are not published are left out."""
    for key in ("a", "b", "c"):
        for locale in ("pt-BR", "en"):
            _add(database, key, locale, publish=True)
    _add(database, "d")
    with database.reading() as work:
        found = [(r.key, r.locale) for r in work.content.published({("faq", "c"), ("faq", "a"), ("faq", "d")})]
        assert list(work.content.published(set())) == []
    assert found == [("a", "en"), ("a", "pt-BR"), ("c", "en"), ("c", "pt-BR")]


UGLY_KEYS = [
    "a",
    "A",
    "B",
    "b",
    "ä",
    "Ä",
    "a-1",
    "a.1",
    "a_1",
    "a10",
    "a2",
    "é",
    "e",
    "Z",
    "z",
    "ñ",
    "n",
    "ß",
    "ss",
    "日本",
]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_pages_cover_every_entry_once_in_order(database: Database, size: int) -> None:
    """Walking by the last name seen gives the order of one big page, for keys of mixed case and with accents."""
    for key in UGLY_KEYS:
        _add(database, key, "es-MX")
        _add(database, key, "en", publish=True)
    with database.reading() as work:
        whole = [(row.kind, row.key, row.locale) for row in work.content.summaries(limit=1000)]
        walked, after = [], None
        while page := work.content.summaries(after=after, limit=size):
            walked += [(row.kind, row.key, row.locale) for row in page]
            after = walked[-1]
    assert walked == whole
    assert sorted(walked) == sorted(("faq", key, locale) for key in UGLY_KEYS for locale in ("es-MX", "en"))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("tarjeta", {"one", "two"}),
        ("TARJETA", {"one", "two"}),
        ("cómo", {"one"}),
        ("CÓMO", {"one"}),
        ("100%", {"two"}),
        ("%", {"two"}),
        ("_", {"snake_case"}),
        ("\\", {"back"}),
        ("o'clock", {"back"}),
        ('"', {"back"}),
        ("one", {"one"}),
        ("'; DROP TABLE entry; --", set()),
        ("ß", {"back"}),
        ("no such", set()),
    ],
)
def test_contains_looks_for_the_text_itself(database: Database, text: str, keys: set[str]) -> None:
    """Case does not matter, accents do; `%`, `_`, quotes and backslashes stand for themselves."""
    _add(database, "one", title="¿Cómo bloqueo mi Tarjeta?")
    _add(database, "two", title="Mi tarjeta al 100%")
    _add(database, "snake_case", title="Otra cosa")
    _add(database, "back", title='a\\b o\'clock "Straße"')
    with database.reading() as work:
        assert {row.key for row in work.content.summaries(contains=text)} == keys


def test_summaries_are_filtered_by_kind_and_locale_and_show_the_newest_revision(database: Database) -> None:
    """`published` tells whether any revision of that locale is live."""
    _add(database, "a", "en", publish=True, product="cards", tags=("x", "y"))
    _add(database, "a", "en", title="newer", product="cards", tags=("x", "y"))
    _add(database, "a", "es-MX")
    _add(database, "a", "en", kind="macro")
    with database.reading() as work:
        (row,) = work.content.summaries(kind="faq", locale="en")
        assert (row.title, row.number, row.published, row.product, row.tags) == ("newer", 2, True, "cards", ("x", "y"))
        assert [row.published for row in work.content.summaries(locale="es-MX")] == [False]
        assert [row.kind for row in work.content.summaries(kind="macro")] == ["macro"]


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=40)
contents = st.builds(
    Content,
    texts,
    texts,
    st.lists(texts, max_size=3).map(tuple),
    st.lists(st.builds(Keyword, texts, st.floats(0, 100)), max_size=3).map(tuple),
    st.none() | texts,
    st.lists(texts, max_size=3).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
    st.none() | texts,
)


@given(contents)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_is_read_back_as_it_was_written(database: Database, content: Content) -> None:
    """Every field, to the last bit of a weight, and so the checksum."""
    with database.writing() as work:
        added = work.content.add_revision("faq", "any", "en", content, "ana")
        work.commit()
    with database.reading() as work:
        read = work.content.revisions_by_id([added.id])[added.id]
    assert read.content == content == added.content
    assert read.content.checksum == content.checksum


@pytest.mark.parametrize(
    "text",
    [
        "🙂👩‍👩‍👧‍👦🏳️‍🌈",
        "\u2028\u2029\x01\t\n\r\x7f\ufeff\ufffe",
        "e\u0301 é",
        "ﷺ" * 100,
        "x" * 100_000,
        "🙂" * 100_000,
        "مرحبا \u202e",
    ],
)
def test_ugly_texts_survive(database: Database, text: str) -> None:
    """Emoji, controls, composed and decomposed accents, and 100,000 characters, in plain and in JSON columns."""
    revision = _add(database, "a", title=text, body=text, variants=(text,), tags=(text,))
    with database.reading() as work:
        content = work.content.revisions_by_id([revision])[revision].content
    assert (content.title, content.body, content.variants, content.tags) == (text, text, (text,), (text,))


def test_an_unknown_revision_is_left_out(database: Database) -> None:
    """Also a number beyond what any id can be, up to 64 bits."""
    revision = _add(database, "a")
    with database.reading() as work:
        assert work.content.revisions_by_id([revision, 10**6, 2**62, -1]).keys() == {revision}
        assert work.content.revisions_by_id([]) == {}


def test_times_are_aware_and_utc(database: Database) -> None:
    """A revision is stamped now, in UTC, and reads back as the same instant."""
    before = datetime.now(UTC)
    revision = _add(database, "a", publish=True)
    with database.reading() as work:
        created = work.content.revisions_by_id([revision])[revision].created_at
        (summary,) = work.content.summaries()
    assert created.tzinfo is UTC
    assert before - timedelta(milliseconds=1) <= created <= datetime.now(UTC)
    assert summary.updated_at == created


def test_a_time_in_another_zone_is_the_same_instant(database: Database) -> None:
    """What was stored in Mexico's time is read back in UTC."""
    local = datetime(2026, 11, 21, 22, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-6)))
    with database.writing() as work:
        work.session.add(EntryRow(kind="faq", key="a", created_at=local))
        work.commit()
    with database.reading() as work:
        read = work.session.scalars(select(EntryRow.created_at)).one()
    assert read == local
    assert read.isoformat() == "2026-11-22T04:30:00.123456+00:00"


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    """Nothing is stored whose meaning depends on where it is read."""
    with database.writing() as work:
        work.session.add(EntryRow(kind="faq", key="a", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001
        with pytest.raises(StatementError, match="naive datetime"):
            work.commit()
    with database.reading() as work:
        assert work.content.count() == {}


def test_without_commit_nothing_is_kept(database: Database) -> None:
    """Leaving the unit of work is rolling back."""
    with database.writing() as work:
        work.content.publish(work.content.add_revision("faq", "a", "en", _content(), "ana").id, "ana")
    with database.reading() as work:
        assert (work.content.count(), work.content.highest_change()) == ({}, 0)


def test_an_exception_rolls_everything_back(database: Database) -> None:
    """Also what was flushed before it, but not what an earlier commit made durable."""

    def fail_half_way() -> None:
        with database.writing() as work:
            work.content.add_revision("faq", "kept", "en", _content(), "ana")
            work.commit()
            work.content.add_revision("faq", "lost", "en", _content(), "ana")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.reading() as work:
        assert [row.key for row in work.content.summaries()] == ["kept"]


def test_a_change_id_is_never_given_twice(database: Database) -> None:
    """After a rollback or the deletion of the newest line, "behind id n" still means what it meant."""
    _add(database, "a", publish=True)
    with database.writing() as work:
        highest = work.content.highest_change()
        work.session.execute(delete(ChangeRow))
        work.commit()
    _add(database, "b", publish=True)
    with database.reading() as work:
        assert [change.id > highest for change in work.content.changes_after(0)] == [True]


def test_a_reader_is_not_held_up_by_a_writer(database: Database) -> None:
    """While a unit of work has written and not yet committed, another one reads the state before it."""
    _add(database, "a")
    with database.writing() as writer:
        writer.content.add_revision("faq", "b", "en", _content(), "ana")
        with database.reading() as reader:
            assert reader.content.count() == {"faq": 1}
        writer.commit()
    with database.reading() as reader:
        assert reader.content.count() == {"faq": 2}


@pytest.mark.slow
def test_thousands_of_revisions_are_written_and_read_in_order(database: Database) -> None:
    """More than two batches: numbered, published and logged as one by one, and read once each by kind, key, locale."""
    keys = [f"e{number:05}" for number in range(1203)]
    drafts = [Draft("faq", key, "en", _content(key)) for key in keys]
    _add(database, keys[7], "en", publish=True)
    with database.writing() as work:
        added = work.content.add_revisions(drafts, "ana")
        work.content.publish_all([revision.id for revision in added], "ana")
        work.commit()
    assert [(revision.key, revision.number) for revision in added] == [(key, 1 + (key == keys[7])) for key in keys]
    with database.reading() as work:
        published = list(work.content.published())
        assert [revision.key for revision in work.content.latest("faq")] == keys
        assert list(work.content.latest("macro")) == []
        assert [change.id for change in work.content.changes_after(1)] == list(range(2, 1205))
    assert [(revision.key, revision.content.title) for revision in published] == list(zip(keys, keys, strict=True))


def test_publishing_many_leaves_what_is_live_alone(database: Database) -> None:
    """Only what changes is logged; with an unknown id among them nothing is published."""
    first, second = _add(database, "a", publish=True), _add(database, "b")
    with pytest.raises(NotFound, match="999"), database.writing() as work:
        work.content.publish_all([second, 999], "ana")
    with database.writing() as work:
        work.content.publish_all([first, second], "ana")
        work.content.publish_all([], "ana")
        work.commit()
        assert [(change.key) for change in work.content.changes_after(0)] == ["a", "b"]
