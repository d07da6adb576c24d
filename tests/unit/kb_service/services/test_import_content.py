"""Importing: what each line does, what is refused and how it is said, and all or nothing."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kb_service.errors import InvalidInput
from kb_service.services.import_content import ImportContent, ImportPlan
from kb_service.storage.database import Database
from tests.support.bases import faq, macro, write_lines


@pytest.fixture
def importing(database: Database) -> ImportContent:
    """The service, on each kind of database."""
    return ImportContent(database, 20_000_000, 1500)


@pytest.fixture
def previewing(sqlite_database: Database) -> ImportContent:
    """The service, for what does not depend on the kind of database."""
    return ImportContent(sqlite_database, 20_000_000, 1500)


def _counts(created: int = 0, updated: int = 0, unchanged: int = 0, published: int = 0, rejected: int = 0) -> dict:
    return locals().copy()


def _summaries(database: Database) -> list[tuple[str, str, int, bool]]:
    with database.reading() as work:
        return [(row.key, row.locale, row.number, row.published) for row in work.content.summaries(limit=2000)]


def _import(importing: ImportContent, path: Path, lines: list[Any], *, publish: bool = True) -> dict[str, int]:
    return importing.apply(importing.preview(write_lines(path, lines), publish=publish), author="ana")


def test_each_line_is_created_updated_or_unchanged(
    importing: ImportContent, database: Database, tmp_path: Path
) -> None:
    """Counted as such, and published where asked for."""
    path = tmp_path / "kb.jsonl"
    assert _import(importing, path, [faq("a"), faq("a", "en"), macro("m")]) == _counts(created=3, published=3)
    lines = [faq("a"), faq("a", "en", answer="New."), macro("m"), faq("b")]
    assert _import(importing, path, lines) == _counts(created=1, updated=1, unchanged=2, published=2)
    assert _summaries(database) == [
        ("a", "en", 2, True),
        ("a", "es-MX", 1, True),
        ("b", "es-MX", 1, True),
        ("m", "es-MX", 1, True),
    ]


def test_a_repeat_changes_nothing(importing: ImportContent, database: Database, tmp_path: Path) -> None:
    """No revision, no publication, no line in the change log."""
    lines = [faq("a", variants=["x", "y"], keywords=[{"term": "t", "weight": 2}]), macro("m", shortcut="/m")]
    _import(importing, tmp_path / "kb.jsonl", lines)
    before = _summaries(database)
    assert _import(importing, tmp_path / "kb.jsonl", lines) == _counts(unchanged=2)
    assert _summaries(database) == before
    with database.reading() as work:
        assert work.content.highest_change() == 2


def test_what_was_imported_as_a_draft_is_published_later(
    importing: ImportContent, database: Database, tmp_path: Path
) -> None:
    """An unchanged line that is not live goes live; an edit that is not published leaves the old revision live."""
    path = tmp_path / "kb.jsonl"
    assert _import(importing, path, [faq("a")], publish=False) == _counts(created=1)
    assert _import(importing, path, [faq("a")]) == _counts(unchanged=1, published=1)
    assert _import(importing, path, [faq("a", answer="new")], publish=False) == _counts(updated=1)
    with database.reading() as work:
        assert [revision.number for revision in work.content.published()] == [1]
    assert _import(importing, path, [faq("a", answer="new")]) == _counts(unchanged=1, published=1)
    with database.reading() as work:
        assert [revision.number for revision in work.content.published()] == [2]


def test_a_preview_writes_nothing(importing: ImportContent, database: Database, tmp_path: Path) -> None:
    """It counts what would happen."""
    plan = importing.preview(write_lines(tmp_path / "kb.jsonl", [faq("a")]), publish=True)
    assert plan.counts() == _counts(created=1, published=1)
    assert _summaries(database) == []


def test_two_imports_at_once_make_one_revision(importing: ImportContent, database: Database, tmp_path: Path) -> None:
    """Both were previewed on the empty base; the second finds the first one's revision."""
    plan = importing.preview(write_lines(tmp_path / "kb.jsonl", [faq("a"), faq("b")]), publish=True)
    together = threading.Barrier(6)

    def apply(_: int) -> None:
        together.wait()
        importing.apply(plan, author="ana")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(apply, range(6)))
    assert _summaries(database) == [("a", "es-MX", 1, True), ("b", "es-MX", 1, True)]
    with database.reading() as work:
        assert work.content.highest_change() == 2


def test_one_bad_line_of_a_thousand_leaves_everything_as_it_was(
    importing: ImportContent, database: Database, tmp_path: Path
) -> None:
    """The last line is wrong: it is named, and nothing of the rest is written."""
    lines: list[Any] = [faq(f"e{number}") for number in range(999)] + ["{"]
    plan = importing.preview(write_lines(tmp_path / "kb.jsonl", lines), publish=True)
    assert (len(plan.rows), [row.line for row in plan.rejected]) == (999, [1000])
    with pytest.raises(InvalidInput, match="nothing was imported"):
        importing.apply(plan, author="ana")
    assert _summaries(database) == []


def _rejected(importing: ImportContent, tmp_path: Path, *lines: Any) -> list[tuple[int, str]]:
    plan = importing.preview(write_lines(tmp_path / "kb.jsonl", lines), publish=True)
    return [(row.line, row.reason) for row in plan.rejected]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("hola", "not JSON"),
        ('{"key": "a"} {"key": "b"}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"key": ' + "9" * 5000 + "}", "not JSON"),
        ("[]", "expected a JSON object, found list"),
        ('"text"', "expected a JSON object, found str"),
        ("12", "expected a JSON object, found int"),
        ("null", "expected a JSON object, found NoneType"),
        ({}, "key: Field required"),
        (faq(question=None), "a faq needs 'question'"),
        (faq(answer=None), "a faq needs 'answer'"),
        (faq(title="x"), "a faq has no 'title'"),
        (faq(shortcut="/x"), "a faq has no 'shortcut'"),
        (macro(title=None), "a macro needs 'title'"),
        (macro(body=None), "a macro needs 'body'"),
        (macro(answer="x"), "a macro has no 'answer'"),
        (faq(questoin="x"), "questoin: Extra inputs are not permitted"),
        (faq(kind="article"), "kind: Input should be 'faq' or 'macro'"),
        (faq(key=""), "key: String should have at least 1 character"),
        (faq(key="a b"), "key: a key may hold letters"),
        (faq(key="-a"), "key: a key may hold letters"),
        (faq(key="a/b"), "key: a key may hold letters"),
        (faq(key=7), "key: Input should be a valid string"),
        (faq(key="k" * 201), "key: String should have at most 200 characters"),
        (faq(question="  \t "), "question: String should have at least 1 character"),
        (faq(question="q" * 2001), "question: String should have at most 2000 characters"),
        (faq(answer="a" * 100_001), "answer: String should have at most 100000 characters"),
        (faq(answer=["x"]), "answer: Input should be a valid string"),
        (faq(answer="a\0b"), "answer: contains a NUL character"),
        (
            '{"key":"a","kind":"faq","locale":"en","question":"\\ud800","answer":"x"}',
            "question: Input should be a valid string",
        ),
        (faq(variants="x"), "variants: Input should be a valid list"),
        (faq(variants=["x", 7]), "variants.1: Input should be a valid string"),
        (faq(variants=["x", ""]), "variants.1: String should have at least 1 character"),
        (faq(variants=["x"] * 1001), "variants: List should have at most 1000 items"),
        (faq(keywords=["x"]), "keywords.0: Input should be"),
        (faq(keywords=[{"weight": 1}]), "keywords.0.term: Field required"),
        (faq(keywords=[{"term": "x", "wieght": 1}]), "keywords.0.wieght: Extra inputs"),
        (faq(keywords=[{"term": "x", "weight": -0.1}]), "keywords.0.weight: Input should be greater than"),
        (faq(keywords=[{"term": "x", "weight": 100.1}]), "keywords.0.weight: Input should be less than"),
        (faq(keywords=[{"term": "x", "weight": "2"}]), "keywords.0.weight: Input should be a valid number"),
        (faq(keywords=[{"term": "x", "weight": True}]), "keywords.0.weight: Input should be a valid number"),
        (faq(keywords=[{"term": "x", "weight": float("nan")}]), "keywords.0.weight: Input should be"),
        (faq(keywords=[{"term": "x", "weight": float("inf")}]), "keywords.0.weight: Input should be"),
        (faq(keywords=[{"term": "x", "weight": 1e400}]), "keywords.0.weight: Input should be"),
        (faq(keywords=[{"term": "x", "weight": 10**300}]), "keywords.0.weight: Input should be"),
        (faq(product="p" * 101), "product: String should have at most 100 characters"),
        (faq(channels=["c"] * 51), "channels: List should have at most 50 items"),
        (faq(locale="xx-YY"), "locale: unknown locale 'xx-YY'"),
        (faq(locale="español"), "locale: unknown locale"),
        (faq(locale="en@" + "a" * 90), "locale: unknown locale"),
        (faq(locale=None), "locale: Input should be a valid string"),
        ({k: v for k, v in faq().items() if k != "locale"}, "locale: Field required (--locale gives one"),
        ('{"key": "a", "kind": "faq", "key": "b"}', "the field 'key' is there twice"),
        (
            '{"key":"a","kind":"faq","locale":"en","question":"x","answer":"y",'
            '"keywords":[{"term":"z","weight":1,"weight":2}]}',
            "the field 'weight' is there twice",
        ),
        (faq(question="\u200b\u200d\ufeff"), "question: has no letters or digits"),
        (faq(question="¿?"), "question: has no letters or digits"),
        (faq(answer="\u200b"), "answer: has no letters or digits"),
        (faq(answer="👍"), "answer: has no letters or digits"),
        (faq(variants=["x", "🙂"]), "variants.1: has no letters or digits"),
        (faq(keywords=[{"term": "…"}]), "keywords.0.term: has no letters or digits"),
        (macro(title="::"), "title: has no letters or digits"),
        (macro(body="\u200b"), "body: has no letters or digits"),
        (macro(body="Hola {% if %}"), "body: the macro's template is wrong: missing expression, line 1, column 9"),
        (macro(body="Hola\n{{ x | nope }}"), "body: the macro's template is wrong: unknown filter 'nope', line 2,"),
        (macro(body="{% if a %}x"), "body: the macro's template is wrong: expected tag endif"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else "",
)
def test_a_line_that_cannot_be_used_is_rejected_with_its_reason(
    previewing: ImportContent, tmp_path: Path, line: Any, reason: str
) -> None:
    """The good lines around it are planned all the same; the reason names the field."""
    ((number, said),) = _rejected(previewing, tmp_path, faq("before"), line, faq("after"))
    assert number == 2
    assert reason in said
    assert "\n" not in said


def test_what_looks_odd_and_says_something_is_accepted(previewing: ImportContent, tmp_path: Path) -> None:
    """Zero-width characters inside a text, other scripts, digits; Liquid in a FAQ is plain text."""
    lines = [
        faq("a", question="tar\u200bjeta\u200d", answer="👍 ok {% if %}", variants=["卡丢了", "1234", "¿y?"]),
        macro("m", title="Pix::1", body="👋 {{name}}"),
    ]
    assert _rejected(previewing, tmp_path, *lines) == []


def test_every_wrong_field_of_a_line_is_named(previewing: ImportContent, tmp_path: Path) -> None:
    """One correction is enough."""
    ((_, reason),) = _rejected(previewing, tmp_path, faq(key="", locale="xx", tags=[1]))
    assert all(f"{field}: " in reason for field in ("key", "locale", "tags.0"))


def test_a_name_given_twice_names_both_lines(previewing: ImportContent, tmp_path: Path) -> None:
    """The same kind, key and locale, however the locale is written; another kind or locale is another name."""
    lines = [faq("a"), faq("a", "en"), macro("a"), faq("a", "es_mx", answer="other")]
    ((number, reason),) = _rejected(previewing, tmp_path, *lines)
    assert number == 4
    assert "'a' in es-MX is already on line 1" in reason


def _raw(importing: ImportContent, tmp_path: Path, data: bytes) -> ImportPlan:
    path = tmp_path / "raw.jsonl"
    path.write_bytes(data)
    return importing.preview(path, publish=True)


def test_what_is_not_utf8_names_byte_and_line(previewing: ImportContent, tmp_path: Path) -> None:
    """A Latin-1 é on the third line."""
    good = json.dumps(faq("a")).encode()
    data = good + b"\n\n" + '{"key": "é"}'.encode("latin-1")
    with pytest.raises(InvalidInput, match=f"byte {len(good) + 2 + 9}, on line 3"):
        _raw(previewing, tmp_path, data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_unicode_encodings_are_refused(previewing: ImportContent, tmp_path: Path, encoding: str) -> None:
    """Excel's "Unicode text" is not UTF-8, and is not guessed at."""
    with pytest.raises(InvalidInput, match="not UTF-8: byte 0, on line 1"):
        _raw(previewing, tmp_path, json.dumps(faq()).encode(encoding))


def test_marks_and_line_ends_of_other_systems_are_understood(previewing: ImportContent, tmp_path: Path) -> None:
    """A byte order mark, CRLF, blank lines, no line end at the end."""
    data = "\ufeff" + json.dumps(faq("a")) + "\r\n\r\n   \r\n" + json.dumps(faq("b"))
    plan = _raw(previewing, tmp_path, data.encode())
    assert [(row.line, row.draft.key) for row in plan.rows] == [(1, "a"), (4, "b")]
    assert plan.rejected == ()


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_unicode_line_separators_do_not_end_a_line(previewing: ImportContent, tmp_path: Path, character: str) -> None:
    """They may stand inside a text (controls escaped, as JSON wants it)."""
    inside = character if character > "\x7f" else json.dumps(character)[1:-1]
    line = json.dumps(faq("a"), ensure_ascii=False).replace("Respuesta", f"Res{inside}puesta")
    plan = _raw(previewing, tmp_path, line.encode())
    assert [row.draft.content.body for row in plan.rows] == [f"Res{character}puesta de a."]


@pytest.mark.parametrize("data", [b"", b"\n \r\n\t\n", "\ufeff".encode()])
def test_an_empty_file_is_an_error(previewing: ImportContent, tmp_path: Path, data: bytes) -> None:
    """Rather than an import of nothing."""
    with pytest.raises(InvalidInput, match="is empty"):
        _raw(previewing, tmp_path, data)


def test_limits_are_named_with_their_setting(sqlite_database: Database, tmp_path: Path) -> None:
    """Too many rows and too many bytes."""
    path = write_lines(tmp_path / "kb.jsonl", [faq("a"), faq("b"), faq("c")])
    with pytest.raises(InvalidInput, match="3 rows; KB_MAX_IMPORT_ROWS allows 2"):
        ImportContent(sqlite_database, 10_000, 2).preview(path, publish=True)
    with pytest.raises(InvalidInput, match="more bytes than KB_MAX_IMPORT_BYTES allows, 100"):
        ImportContent(sqlite_database, 100, 2).preview(path, publish=True)
    assert len(ImportContent(sqlite_database, path.stat().st_size, 3).preview(path, publish=True).rows) == 3


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_without_an_end_is_refused(sqlite_database: Database) -> None:
    """After as many bytes as a file may have."""
    with pytest.raises(InvalidInput, match="/dev/zero has more bytes than KB_MAX_IMPORT_BYTES allows, 1000"):
        ImportContent(sqlite_database, 1000, 2).preview(Path("/dev/zero"), publish=True)


def test_a_pipe_is_read_to_the_same_bound(sqlite_database: Database, tmp_path: Path) -> None:
    """A short one is imported like a file, a longer one refused, though its size is not known beforehand."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    line = json.dumps(faq("a")).encode()

    def preview(content: bytes) -> ImportPlan:
        def write() -> None:
            with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as file:
                file.write(content)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            return ImportContent(sqlite_database, 1000, 2).preview(pipe, publish=True)
        finally:
            writer.join()

    assert [row.draft.key for row in preview(line).rows] == ["a"]
    with pytest.raises(InvalidInput, match="more bytes"):
        preview(line + b" " * 1_000_000)


def test_a_line_of_ten_megabytes_is_refused_by_its_field(previewing: ImportContent, tmp_path: Path) -> None:
    """Without repeating it."""
    ((_, reason),) = _rejected(previewing, tmp_path, faq(answer="á" * 5_000_000))
    assert "answer: String should have at most 100000 characters" in reason
    assert len(reason) < 300


@pytest.mark.parametrize("path", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read_is_an_error(previewing: ImportContent, tmp_path: Path, path: str) -> None:
    """Missing, or a folder."""
    with pytest.raises(InvalidInput, match="cannot read"):
        previewing.preview(tmp_path / path, publish=True)


def test_the_default_locale_is_for_lines_that_name_none(previewing: ImportContent, tmp_path: Path) -> None:
    """A line's own locale wins."""
    bare = {name: value for name, value in faq("bare").items() if name != "locale"}
    plan = previewing.preview(
        write_lines(tmp_path / "kb.jsonl", [bare, faq("own", "en")]), publish=True, default_locale="pt-BR"
    )
    assert [(row.draft.key, row.draft.locale) for row in plan.rows] == [("bare", "pt-BR"), ("own", "en")]


def test_repeated_phrasings_and_tags_are_stored_once(previewing: ImportContent, tmp_path: Path) -> None:
    """A variant that is the question again adds nothing; the order stays."""
    line = faq(
        "a", question="¿Uno?", variants=["dos", "¿Uno?", " dos ", "tres"], tags=["x", "x"], channels=["b", "a", "b"]
    )
    (row,) = previewing.preview(write_lines(tmp_path / "kb.jsonl", [line]), publish=True).rows
    assert (row.draft.content.variants, row.draft.content.tags, row.draft.content.channels) == (
        ("dos", "tres"),
        ("x",),
        ("b", "a"),
    )
