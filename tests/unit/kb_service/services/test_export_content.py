"""Exporting: what comes out imports to the same content."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb_service.errors import InvalidInput
from kb_service.services.export_content import ExportContent
from kb_service.services.fill_macro import template_problem
from kb_service.services.import_content import ImportContent
from kb_service.storage.database import Database
from tests.support.bases import SAMPLE, faq, publish, write_lines

letters = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
texts = st.text(letters, min_size=1, max_size=30).filter(lambda text: any(map(str.isalnum, text)))
bodies = texts.filter(lambda text: template_problem(text) is None)
keys = st.from_regex(r"[a-zA-Z0-9ñé_][a-zA-Z0-9._:-]{0,20}", fullmatch=True)
weights = st.floats(0, 100) | st.integers(0, 100)
common = {
    "locale": st.sampled_from(["es-MX", "pt-BR", "en", "zh-Hant-TW"]),
    "variants": st.lists(texts, max_size=3),
    "keywords": st.lists(st.fixed_dictionaries({"term": texts}, optional={"weight": weights}), max_size=3),
    "product": st.none() | texts,
    "channels": st.lists(texts, max_size=2),
    "tags": st.lists(texts, max_size=2),
}
faqs = st.fixed_dictionaries({"key": keys, "kind": st.just("faq"), "question": texts, "answer": texts}, optional=common)
macros = st.fixed_dictionaries(
    {"key": keys, "kind": st.just("macro"), "title": texts, "body": bodies}, optional=common | {"shortcut": texts}
)
files = st.lists(
    (faqs | macros).map(lambda line: {"locale": "en"} | line),
    min_size=1,
    max_size=6,
    unique_by=lambda line: (line["kind"], line["key"], line["locale"]),
)


def _contents(database: Database) -> dict[tuple[str, str, str], str]:
    with database.reading() as work:
        return {(r.kind, r.key, r.locale): r.content.checksum for r in work.content.latest()}


@given(files)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_imports_to_the_same_content(database: Database, tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    """On each kind of database: importing its own export changes nothing, and another base gets equal checksums."""
    publish(database, tmp_path / "in.jsonl", lines)
    ExportContent(database).to_file(tmp_path / "out.jsonl")
    importing = ImportContent(database, 10**8, 10**5)
    again = importing.preview(tmp_path / "out.jsonl", publish=True).counts()
    assert again["unchanged"] == len(_contents(database))
    assert (again["created"], again["updated"], again["published"], again["rejected"]) == (0, 0, 0, 0)
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    other.migrate()
    elsewhere = ImportContent(other, 10**8, 10**5)
    elsewhere.apply(elsewhere.preview(tmp_path / "out.jsonl", publish=False), author="test")
    contents = _contents(database)
    assert {name: checksum for name, checksum in _contents(other).items() if name in contents} == contents
    other.close()


def test_the_sample_base_survives_export_and_import(sqlite_database: Database, tmp_path: Path) -> None:
    """Every line of it, byte for byte what matters."""
    lines = [line for name in ("faqs", "macros") for line in (SAMPLE / f"{name}.jsonl").read_text("utf-8").splitlines()]
    publish(sqlite_database, tmp_path / "in.jsonl", map(json.loads, lines))
    assert ExportContent(sqlite_database).to_file(tmp_path / "out.jsonl") == len(lines)
    exported = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").split("\n")[:-1]]
    original = sorted(
        (json.loads(line) for line in lines), key=lambda line: (line["kind"], line["key"], line["locale"])
    )
    assert exported == original


def test_live_or_newest_revisions_are_exported(sqlite_database: Database, tmp_path: Path) -> None:
    """`published` leaves drafts out."""
    publish(sqlite_database, tmp_path / "in.jsonl", [faq("a", answer="live")])
    importing = ImportContent(sqlite_database, 10**6, 100)
    draft = write_lines(tmp_path / "draft.jsonl", [faq("a", answer="draft"), faq("b", answer="draft")])
    importing.apply(importing.preview(draft, publish=False), author="test")
    exporting = ExportContent(sqlite_database)
    assert [json.loads(line)["answer"] for line in exporting.lines(published=True)] == ["live"]
    assert [json.loads(line)["answer"] for line in exporting.lines(published=False)] == ["draft", "draft"]


def test_an_empty_base_exports_an_empty_file(sqlite_database: Database, tmp_path: Path) -> None:
    """No entry, no line."""
    assert ExportContent(sqlite_database).to_file(tmp_path / "out.jsonl") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_failed_export_leaves_what_was_there(sqlite_database: Database, tmp_path: Path) -> None:
    """Neither a half file nor a temporary one."""
    with pytest.raises(InvalidInput, match="cannot write"):
        ExportContent(sqlite_database).to_file(tmp_path / "no" / "such" / "folder.jsonl")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(InvalidInput, match="cannot write"):
        ExportContent(sqlite_database).to_file(tmp_path / "a folder")
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("kb.sqlite3")) == ["a folder"]


def test_an_export_can_be_read_by_others(sqlite_database: Database, tmp_path: Path) -> None:
    """The file gets the permissions any new file of this user gets, not a temporary file's."""
    publish(sqlite_database, tmp_path / "in.jsonl", [faq("a")])
    (tmp_path / "plain").touch()
    ExportContent(sqlite_database).to_file(tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").stat().st_mode == (tmp_path / "plain").stat().st_mode
