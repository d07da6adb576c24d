"""Building, searching, saving and refusing snapshots."""

import math
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from indexer.combination import Weights
from indexer.decision import decide
from indexer.documents import Document, Keyword
from indexer.errors import EncoderMismatch, IndexerError, SnapshotDamaged
from indexer.ranking import Candidate
from indexer.snapshot import Snapshot

Build = Callable[[list[Document]], Snapshot]
QUESTIONS = ("perdí la tarjeta", "perdi cartao", "my card was stolen", "robo", "saldo", "fees", "transferencia", "zzz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where snapshots are saved."""
    return tmp_path / "snapshot"


def entries(candidates: tuple[Candidate, ...]) -> list[str]:
    return [candidate.entry for candidate in candidates]


def test_the_same_documents_in_any_order_give_the_same_results(build: Build, bank: list[Document], ask) -> None:
    """Candidates are equal to the last bit, and so is the content hash."""
    shuffled = random.Random(3).sample(bank, len(bank))
    one, other = build(bank), build(shuffled)
    assert one.content_hash == other.content_hash
    for question in QUESTIONS:
        assert one.rank("faq", ask(question)) == other.rank("faq", ask(question))


def test_loading_gives_what_was_saved(build: Build, bank: list[Document], ask, folder: Path) -> None:
    """Manifest, documents, parameters and every candidate."""
    built = build(bank)
    built.save(folder, "000001-abcdef01")
    loaded = Snapshot.load(folder)
    assert loaded.version == "000001-abcdef01"
    assert loaded.documents == built.documents
    assert loaded.confidence_model == built.confidence_model
    assert replace(loaded.manifest, version="unpublished", files={}) == built.manifest
    for question in QUESTIONS:
        for kind in ("faq", "macro"):
            assert loaded.rank(kind, ask(question, "es-MX")) == built.rank(kind, ask(question, "es-MX"))


def test_the_manifest_counts(build: Build, bank: list[Document]) -> None:
    """Entries, documents and phrasings of both kinds together, and where they come from."""
    manifest = build(bank).manifest
    assert (manifest.entries, manifest.documents, manifest.phrasings) == (7, 9, 20)
    assert (manifest.encoder, manifest.encoder_revision, manifest.dimension) == ("grams", "1", 256)
    assert (manifest.source, manifest.highest_change) == ("test", 7)


def test_entries_not_phrasings_are_ranked(build: Build, bank: list[Document], ask) -> None:
    """Each entry comes once, best first, with limit respected, and no macro ever among faqs."""
    snapshot = build(bank)
    ranked = snapshot.rank("faq", ask("perdí mi tarjeta", "es-MX"))
    assert entries(ranked)[0] == "card-lost"
    assert sorted(entries(ranked)) == ["balance", "card-lost", "close", "fees", "pin", "transfer"]
    assert [c.confidence for c in ranked] == sorted((c.confidence for c in ranked), reverse=True)
    assert entries(snapshot.rank("faq", ask("perdí mi tarjeta"), 2)) == entries(ranked)[:2]
    assert entries(snapshot.rank("macro", ask("dev"))) == ["refund"]


def test_the_candidate_says_what_was_found_and_shows_the_customers_locale(
    build: Build, bank: list[Document], ask
) -> None:
    """An English hit counts for the entry and is answered in the customer's locale or by the fallback chain."""
    snapshot = build(bank)
    for locale, shown in (("pt-BR", "pt-BR"), ("es-AR", "es-MX"), ("fr-FR", "en"), (None, "en")):
        best = snapshot.rank("faq", ask("my card was stolen", locale))[0]
        assert (best.entry, best.locale, best.document.locale) == ("card-lost", shown, shown)
        assert best.phrasing == "my card was stolen"
        assert best.signals.nearest == pytest.approx(1, abs=1e-5)


def test_signals_are_what_they_say(build: Build, bank: list[Document], ask, encoder) -> None:
    """Nearest and subject against NumPy over the entry's own texts; leads against the scores; scores against both."""
    ranked = build(bank).rank("faq", query := ask("donde veo el saldo", "es-MX"))
    balance = next(c for c in ranked if c.entry == "balance")
    views = encoder.encode(["¿Cómo consulto mi saldo?", "ver mi saldo", "En la pantalla de inicio."])
    assert balance.signals.nearest == pytest.approx((views[:2] @ query.vector).max(), abs=1e-5)
    among = (views @ views.T).mean()
    assert balance.signals.subject == pytest.approx((views @ query.vector).mean() / among, abs=1e-5)
    for place, candidate in enumerate(ranked):
        others = sum(math.exp(other.score) for other in ranked[:place] + ranked[place + 1 :])
        assert candidate.signals.lead == pytest.approx(candidate.score - math.log(others))
        weighted = sum(weight * getattr(candidate.signals, name) for name, weight in asdict(Weights()).items())
        assert candidate.score == pytest.approx(weighted)


def test_a_shared_keyword_finds_what_no_phrasing_is_near_to(build: Build, ask) -> None:
    """Among many entries nearer to the question, the one with its keyword is still a candidate, with the word named."""
    base = [Document(f"e{n:03d}", "faq", "en", 1, f"blue sky number {n}", "") for n in range(300)]
    base.append(Document("odd", "faq", "en", 1, "xyzzy", "", keywords=(Keyword("sky", 50.0),)))
    ranked = build(base).rank("faq", ask("blue sky number"), 1000)
    odd = next(c for c in ranked if c.entry == "odd")
    assert odd.terms[0].term == "sky"
    assert sum(term.amount for term in odd.terms) <= odd.score


def test_a_channel_leaves_out_entries_for_others(build: Build, bank: list[Document], ask) -> None:
    """Empty channels mean all; no channel leaves out none."""
    snapshot = build(bank)
    found = {
        channel: entries(snapshot.rank("faq", ask("olvidé mi nip", None, channel)))
        for channel in (None, "email", "chat")
    }
    assert found[None][0] == found["email"][0] == "pin"
    assert "pin" not in found["chat"]
    assert len(found["chat"]) == 5


def test_a_channel_finds_its_entry_behind_hundreds_of_others(build: Build, ask) -> None:
    """The search goes deeper until enough allowed entries are found."""
    base = [Document(f"e{n:03d}", "faq", "en", 1, f"blue sky {n}", "", channels=("email",)) for n in range(700)]
    base.append(Document("chat", "faq", "en", 1, "green grass", "", channels=("chat",)))
    assert entries(build(base).rank("faq", ask("blue sky", None, "chat"))) == ["chat"]


@pytest.mark.parametrize("text", ["", "   ", "🙂🙂", "?!…", "12345", "\ud800"])
def test_questions_without_letters_go_to_a_person(build: Build, bank: list[Document], ask, text: str) -> None:
    """No candidates, so handoff."""
    snapshot = build(bank)
    assert decide(snapshot.rank("faq", ask(text)), snapshot.confidence_model).outcome == "handoff"


def test_an_empty_base_is_a_valid_snapshot(build: Build, ask, folder: Path) -> None:
    """It answers nothing, and survives saving."""
    build([]).save(folder)
    snapshot = Snapshot.load(folder)
    assert snapshot.rank("faq", ask("hello")) == snapshot.rank("macro", ask("hello")) == ()
    assert snapshot.documents == snapshot.locales("faq", "x") == ()
    assert snapshot.document("faq", "x", "en") is None


def test_one_entry_answers_its_own_question_and_little_else(build: Build, ask) -> None:
    """Without a runner-up the lead is 0, not infinite."""
    snapshot = build([Document("a", "faq", "en", 1, "Where is my card?", "It is in the mail.")])
    own, other = (snapshot.rank("faq", ask(text)) for text in ("Where is my card?", "tell me a joke please"))
    assert own[0].signals.lead == other[0].signals.lead == 0
    assert decide(other, snapshot.confidence_model).outcome == "handoff"
    assert own[0].confidence > other[0].confidence


@pytest.mark.parametrize(
    "text", ["Where is my card?", "WHERE is my  card", "¡dónde está mi tarjeta!", "donde esta mi tarjeta"]
)
def test_the_wording_of_one_entry_is_answered(build: Build, ask, text: str) -> None:
    """In a base of one entry, whose other phrasings are far from it, in any locale, case and punctuation."""
    others = ("quiero saber cuándo llega lo que pedí", "xyzzy", "no ha venido el cartero")
    base = [
        Document("a", "faq", "en", 1, "Where is my card?", "In the mail."),
        Document("a", "faq", "es-MX", 2, "¿Dónde está mi tarjeta?", "En el correo.", others),
    ]
    snapshot = build(base)
    (best,) = ranked = snapshot.rank("faq", ask(text, "es-MX"))
    assert (best.signals.exact, decide(ranked, snapshot.confidence_model).outcome) == (1, "answer")
    almost = snapshot.rank("faq", ask(f"{text} xyzzy", "es-MX"))
    assert almost[0].signals.exact == 0


def test_a_phrasing_without_letters_is_found_by_its_wording(build: Build, ask) -> None:
    """And by nothing else."""
    snapshot = build([Document("a", "faq", "en", 1, "Page not found", "Try again.", ("404",))])
    (best, *_) = ranked = snapshot.rank("faq", ask("404!"))
    assert (best.entry, decide(ranked, snapshot.confidence_model).outcome) == ("a", "answer")
    assert snapshot.rank("faq", ask("405")) == ()


def test_a_wording_of_two_entries_decides_for_neither(build: Build, ask) -> None:
    """Except in a channel where only one of them is shown."""
    base = [
        Document("a", "faq", "en", 1, "Where is my card?", "In the mail.", channels=("chat",)),
        Document("b", "faq", "en", 1, "where is my card", "Lost?", ("My card is gone",), channels=("email",)),
    ]
    snapshot = build(base)
    exact = {
        channel: {c.entry: c.signals.exact for c in snapshot.rank("faq", ask("where is my CARD", None, channel))}
        for channel in (None, "chat", "email")
    }
    assert exact == {None: {"a": 0, "b": 0}, "chat": {"a": 1}, "email": {"b": 1}}


def test_the_exact_wording_comes_first_however_many_are_near(build: Build, ask) -> None:
    """Though keywords raise hundreds of others above it, and even if a single candidate is wanted."""
    loud = (Keyword("card", 100.0), Keyword("lost", 100.0))
    base = [Document(f"e{n:03d}", "faq", "en", 1, f"lost card {n}", "", keywords=loud) for n in range(300)]
    base.append(Document("odd", "faq", "en", 1, "Perdu?", "", ("lost card",)))
    snapshot = build(base)
    for limit in (1, 5):
        ranked = snapshot.rank("faq", ask("Lost card!"), limit)
        assert (len(ranked), ranked[0].entry) == (limit, "odd")
    assert decide(ranked, snapshot.confidence_model).outcome == "answer"


def test_order_and_confidence_agree(build: Build, bank: list[Document], ask) -> None:
    """For any question, but for an exact one; the candidates do not depend on how many are asked for."""
    snapshot = build(bank)
    for question in QUESTIONS:
        ranked = snapshot.rank("faq", ask(question))
        order = [(-c.score, c.entry) for c in ranked]
        assert order == sorted(order)
        assert [c.confidence for c in ranked] == sorted((c.confidence for c in ranked), reverse=True)
        for limit in range(1, len(ranked)):
            assert snapshot.rank("faq", ask(question), limit) == ranked[:limit]


def test_twins_share_the_doubt(build: Build, ask) -> None:
    """Two entries with the same question have equal leads and equal confidence, and come by name."""
    base = [Document(name, "faq", "en", 1, "Where is my card?", "In the mail.") for name in ("b", "a")]
    first, second = build(base).rank("faq", ask("where is my card"))
    assert (first.entry, second.entry) == ("a", "b")
    assert first.signals.lead == pytest.approx(second.signals.lead)
    assert first.confidence == pytest.approx(second.confidence)


def test_documents_are_found_by_kind_entry_and_locale(build: Build, bank: list[Document]) -> None:
    """A macro is not a faq, and a locale is exact."""
    snapshot = build(bank)
    assert snapshot.locales("faq", "card-lost") == ("en", "es-MX", "pt-BR")
    assert snapshot.locales("faq", "refund") == snapshot.locales("faq", "zzz") == snapshot.locales("faq", "") == ()
    assert snapshot.document("faq", "card-lost", "pt-BR") == bank[1]
    assert snapshot.document("faq", "card-lost", "pt") is None
    assert snapshot.document("macro", "refund", "es-MX") == bank[-1]


def test_only_new_texts_are_encoded_and_progress_counts_them(cache, encoder, bank: list[Document]) -> None:
    """A second build after one change encodes that change."""
    seen: list[tuple[int, int]] = []

    def build(documents: list[Document]) -> Snapshot:
        return Snapshot.build(
            documents, encoder, cache, source="s", highest_change=1, on_progress=lambda *p: seen.append(p)
        )

    build(bank)
    assert seen[-1][0] == seen[-1][1] == len(set(encoder.asked)) == len(encoder.asked)
    encoder.asked.clear()
    seen.clear()
    build([replace(bank[0], title="¿Y si la extravío?"), *bank[1:]])
    assert encoder.asked == ["¿Y si la extravío?"]
    assert seen == [(1, 1)]


def test_impossible_bases_are_refused_by_name(build: Build, bank: list[Document]) -> None:
    """Two revisions of one entry in a locale, or nothing to be found by."""
    with pytest.raises(IndexerError, match="'card-lost' has two documents in locale 'es-MX'"):
        build([*bank, replace(bank[0], revision=2)])
    with pytest.raises(IndexerError, match="'x' in 'en' has no text"):
        build([Document("x", "faq", "en", 1, "  ", "body")])


def test_strange_texts_are_indexed_and_survive(build: Build, ask, folder: Path) -> None:
    """Lone surrogates, control characters, line separators, other scripts and very long texts."""
    titles = [
        "\ud800 broken",
        "a\x00b\x1b",
        "line\u2028break\x85next",
        "卡丢了怎么办",
        "مرحبا",
        "e\u0301te\u0301",
        "word " * 20_000,
    ]
    base = [
        Document(f"e{n}\u2028", "faq", "es", 1, title, title, (title + "?",), (Keyword(title, 1.0),))
        for n, title in enumerate(titles)
    ]
    build(base).save(folder)
    snapshot = Snapshot.load(folder)
    assert snapshot.documents == tuple(base)
    for number, title in enumerate(titles):
        best = snapshot.rank("faq", ask(title, "es"))[0]
        assert best.entry == f"e{number}\u2028"
        assert np.isfinite(best.score)


def test_another_encoder_or_other_weights_are_a_mismatch(build: Build, bank: list[Document], encoder) -> None:
    """Both are named, and what to do."""
    snapshot = build(bank)
    snapshot.require_encoder(encoder)
    encoder.revision = "2"
    with pytest.raises(EncoderMismatch, match=r"grams \(1\) but grams \(2\) is running.*kb index rebuild"):
        snapshot.require_encoder(encoder)


PARTS = (
    "faiss",
    "subjects.npy",
    "ridge.landmarks.npy",
    "ridge.coefficients.npy",
    "lexical.npz",
    "spelling.npz",
    "rows.json",
)
FILES = (
    "manifest.json",
    "documents.jsonl",
    "parameters.json",
    *(f"{kind}.{part}" for kind in ("faq", "macro") for part in PARTS),
)


def test_every_file_is_known_to_these_tests(build: Build, bank: list[Document], folder: Path) -> None:
    """The next tests damage each file there is."""
    build(bank).save(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty", "folder"])
def test_a_damaged_file_is_refused_by_name(
    build: Build, bank: list[Document], folder: Path, name: str, damage: str
) -> None:
    """One flipped bit anywhere, a lost tail, no content, no file, or something that is not a file."""
    build(bank).save(folder)
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "remove":
        path.write_bytes({"flip": bytes(content), "cut": bytes(content[:-1]), "empty": b""}[damage])
    with pytest.raises(SnapshotDamaged) as error:
        Snapshot.load(folder)
    assert error.value.file == name
    assert ("missing" in error.value.reason) == (damage == "remove")


@pytest.mark.parametrize("name", FILES)
def test_without_verification_nonsense_is_still_refused(
    build: Build, bank: list[Document], folder: Path, name: str
) -> None:
    """Never another exception than SnapshotDamaged."""
    build(bank).save(folder)
    (folder / name).write_bytes(b"[]\n")
    with pytest.raises(SnapshotDamaged):
        Snapshot.load(folder, verify=False)


def test_another_format_is_refused_with_advice(build: Build, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot of a later release is not guessed at."""
    monkeypatch.setattr("indexer.snapshot.FORMAT", 99)
    build([]).save(folder)
    with pytest.raises(SnapshotDamaged, match=r"format 99.*kb index rebuild"):
        Snapshot.load(folder)
