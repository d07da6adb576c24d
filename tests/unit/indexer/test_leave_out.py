"""What copies of a base are asked, what they lack, and what people's judgements become."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import leave_out
from indexer._collection import Collection
from indexer.combination import Weights
from indexer.confidence import ConfidenceModel
from indexer.documents import Document, Keyword
from indexer.leave_out import Examples, Labelled, gather, judge
from indexer.lexical import FieldWeights
from indexer.ranking import Query, Signals
from indexer.text import same_wording
from indexer.views import phrasings
from tests.unit.indexer.conftest import GramEncoder

ENCODER = GramEncoder()


@dataclass
class Gathering:
    """The documents of each copy, the texts each was asked, and all rows."""

    copies: list[list[Document]] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    rows: list[leave_out._Row] = field(default_factory=list)
    progress: list[tuple[int, int]] = field(default_factory=list)


def gathered(base: list[Document]) -> Gathering:
    """Gathers from the base and watches."""
    seen = Gathering()
    original = Collection.build

    def build(documents: list[Document], *others: object) -> Collection:
        seen.copies.append(documents)
        return original(documents, *others)  # type: ignore[arg-type]

    def query_vectors_of(texts: list[str]) -> np.ndarray:
        seen.asked.append(texts)
        return ENCODER.encode(texts, role="query")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Collection, "build", staticmethod(build))
        seen.rows = gather(
            base, ENCODER.encode, query_vectors_of, FieldWeights(), lambda *done: seen.progress.append(done)
        )
    return seen


def wordy(number: int) -> str:
    """A word for every number, like no other."""
    rng = np.random.default_rng(number)
    return "".join(rng.choice(list("bcdfghjklmnpqrstvwxz"), size=6)) + "aeiou"[number % 5]


def base_of(entries: int, texts: int | Callable[[int], int], locales: tuple[str, ...] = ("es-MX",)) -> list[Document]:
    """Entries e000, e001, ..., each with so many phrasings of two words, one of which is the entry's; all different."""
    made = []
    for number in range(entries):
        count = texts(number) if callable(texts) else texts
        for locale in locales:
            own = [f"{wordy(number)} {wordy(1000 + 100 * number + place)} {locale[:2]}" for place in range(count)]
            made.append(Document(f"e{number:03d}", "faq", locale, 1, own[0], "", tuple(own[1:])))
    return made


def owners(base: Iterable[Document]) -> dict[str, str]:
    """The entry of each phrasing."""
    return {text: document.entry for document in base for text in phrasings(document)}


@pytest.mark.parametrize(("entries", "texts"), [(12, 3), (10, 5), (25, 2), (37, 1), (11, 13), (3, 4), (2, 2)])
@pytest.mark.parametrize("locales", [("es-MX",), ("en", "es-MX", "pt-BR")])
def test_no_copy_has_what_it_is_asked_for(entries: int, texts: int, locales: tuple[str, ...]) -> None:
    """Neither word for word nor but for case and accents; every other phrasing of an entry it does have is there."""
    base = base_of(entries, texts, locales)
    owner = owners(base)
    seen = gathered(base)
    assert len(seen.copies) == len(seen.asked) == min(10, entries)
    for copy, asked in zip(seen.copies, seen.asked, strict=True):
        present = owners(copy)
        assert not {same_wording(text) for text in asked} & {same_wording(text) for text in present}
        of_present = {text for text in asked if owner[text] in present.values()}
        assert of_present | set(present) == {text for text in owner if owner[text] in present.values()}
        assert asked
    assert len(seen.rows) == sum(map(len, seen.asked))


@pytest.mark.parametrize(("entries", "texts"), [(10, 2), (12, 3), (30, 4), (55, 5)])
def test_every_phrasing_is_asked_while_its_entry_is_there(entries: int, texts: int) -> None:
    """At least once; each entry's questions count as much as its phrasings do nine times in ten."""
    base = base_of(entries, texts)
    owner, counted, weighed = owners(base), Counter[str](), defaultdict[str, float](float)
    seen = gathered(base)
    for row, text in zip(seen.rows, (text for asked in seen.asked for text in asked), strict=True):
        assert row.group == owner[text]
        if row.answerable:
            counted[text] += 1
            weighed[row.group] += row.importance
        else:
            assert (row.importance, row.right) == (1, -1)
    assert set(counted) == set(owner)
    assert list(weighed.values()) == pytest.approx([0.9 * texts] * entries)


@pytest.mark.parametrize("entries", [2, 3, 9, 10, 11, 23])
def test_each_entry_is_absent_from_one_copy(entries: int) -> None:
    """Really: no document of it in any locale; and is then asked for with up to three phrasings in each locale."""
    base = base_of(entries, lambda number: 1 + number % 5, ("en", "es-MX"))
    owner, asked_for = owners(base), Counter[str]()
    seen = gathered(base)
    every = {document.entry for document in base}
    missing = [every - {document.entry for document in copy} for copy in seen.copies]
    assert sorted(entry for absent in missing for entry in absent) == sorted(every)
    assert max(map(len, missing)) - min(map(len, missing)) <= 1
    for absent, asked in zip(missing, seen.asked, strict=True):
        asked_for.update(owner[text] for text in asked if owner[text] in absent)
    assert asked_for == {d.entry: 2 * min(3, len(phrasings(d))) for d in base}
    assert sum(not row.answerable for row in seen.rows) == asked_for.total()


def test_the_same_place_is_held_out_in_all_locales() -> None:
    """Of entries with equally many phrasings in each; a translation of the question would be too easy."""
    base = base_of(12, lambda number: 2 + number % 4, ("en", "es-MX", "pt-BR"))
    original = {(document.entry, document.locale): phrasings(document) for document in base}
    for copy in gathered(base).copies:
        held: dict[str, set[tuple[int, ...]]] = {}
        for document in copy:
            texts = original[document.entry, document.locale]
            places = tuple(place for place, text in enumerate(texts) if text not in phrasings(document))
            held.setdefault(document.entry, set()).add(places)
        assert all(len(places) == 1 and len(next(iter(places))) == 1 for places in held.values())


def test_documents_of_one_phrasing_keep_it() -> None:
    """They are in every copy as they are, but for the one that lacks their entry, and nobody asks for them there."""
    base = base_of(20, lambda number: 1 if number % 2 else 3)
    single = {document.title for document in base if not document.phrasings}
    seen = gathered(base)
    for copy, asked in zip(seen.copies, seen.asked, strict=True):
        absent = {text for text in single if text not in owners(copy)}
        assert single & set(asked) == absent
        assert all(document in base for document in copy if not document.phrasings and document.title in single)


@pytest.mark.parametrize("base", [[], base_of(1, 1), base_of(1, 8, ("en", "es-MX"))])
def test_a_base_of_one_entry_has_nothing_to_ask(base: list[Document]) -> None:
    """It has no competitors, nor is there anything left without it."""
    seen = gathered(base)
    assert (seen.rows, seen.copies, seen.asked, seen.progress) == ([], [], [], [])
    examples = Examples.of(seen.rows)
    assert examples.signals.shape == (0, 24, 5)
    assert (len(examples.right), examples.locales) == (0, ())


def test_a_phrasing_of_two_entries_is_not_asked_while_the_other_has_it() -> None:
    """Whoever is asked for, the answer would be the other's: no fit can learn from that."""
    base = base_of(12, 3)
    shared = "SHARED words"
    base[4] = replace(base[4], phrasings=(*base[4].phrasings, shared))
    base[7] = replace(base[7], title="shared  wórds!")
    seen = gathered(base)
    rows = iter(seen.rows)
    skipped = 0
    for copy, asked in zip(seen.copies, seen.asked, strict=True):
        present = {same_wording(text) for text in owners(copy)}
        for text in asked:
            if same_wording(text) in present:
                assert same_wording(text) == same_wording(shared)
                skipped += 1
            else:
                next(rows)
    assert skipped > 0
    assert list(rows) == []


def test_rows_are_what_the_copy_finds() -> None:
    """Up to 24 candidates by the starting weights, best first, with their signals; where the right one is, or -1."""
    plain = base_of(45, 1, ("en", "es-MX"))
    # Every second phrasing is like another entry's title.
    base = [replace(d, phrasings=(f"zu {plain[row - 2].title}",)) for row, d in enumerate(plain)]
    seen = gathered(base)
    owner, rows = owners(base), iter(seen.rows)
    far = 0
    for copy, asked in zip(seen.copies[:3], seen.asked, strict=False):
        collection = Collection.build(copy, ENCODER.encode)
        for text in asked:
            row, query = next(rows), Query(text, ENCODER.encode([text])[0])
            found = collection.rank(query, Weights(), ConfidenceModel(), 24)
            expected = [(s.nearest, s.subject, s.learned, s.words, s.spelling) for s in (c.signals for c in found)]
            np.testing.assert_allclose(row.signals, expected, atol=1e-9)
            names = [candidate.entry for candidate in found]
            assert row.right == (names.index(owner[text]) if owner[text] in names else -1)
            assert row.locale == {"en": "en", "es": "es-MX"}[text[-2:]]
            far += row.right > 0
    assert far > 0


def test_gathering_is_the_same_every_time_and_counts_copies() -> None:
    """To the last bit."""
    base = base_of(13, 3, ("en", "es-MX"))
    one, other = gathered(base), gathered(base)
    first, second = Examples.of(one.rows), Examples.of(other.rows)
    for name in ("signals", "right", "answerable", "labelled", "importance", "group"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.locales == second.locales
    assert one.progress == [(copy, 10) for copy in range(1, 11)]


def test_a_large_base_has_fewer_copies_and_asks_no_more_than_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each copy asks its share of either kind, at least one, spread over the base."""
    base = base_of(40, 3)
    for name, value in {"_LARGE": 119, "_MOST_ANSWERABLE": 40, "_MOST_UNANSWERABLE": 2}.items():
        monkeypatch.setattr(leave_out, name, value)
    seen = gathered(base)
    assert len(seen.copies) == 4
    assert sum(row.answerable for row in seen.rows) == 40
    assert sum(not row.answerable for row in seen.rows) == 4
    assert len({row.group for row in seen.rows}) > 20
    assert all(len({d.entry for d in copy}) == 36 for copy in seen.copies)


WORDS = ("card", "CARD", "stolen", "fee", "the", "🙂", "2024", "  ", "pín")
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join), max_size=4)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["en", "es-MX"]), TEXTS), max_size=8))
def test_any_base_can_be_asked(made: list[tuple[int, str, list[str]]]) -> None:
    """Repeated phrasings, phrasings without letters, unequal locales: what is left is a part of what was there, with a
    phrasing at least; the arrays have equally many rows, and a right place that is there."""
    places = {(f"e{entry}", locale): texts for entry, locale, texts in made}
    base = [
        Document(entry, "faq", locale, 1, "base text", "", tuple(texts), (Keyword("card", 1.0),))
        for (entry, locale), texts in sorted(places.items())
    ]
    original = {(document.entry, document.locale): document for document in base}
    seen = gathered(base)
    for copy in seen.copies:
        for document in copy:
            before = original[document.entry, document.locale]
            left = phrasings(document)
            assert left
            assert set(left) <= set(phrasings(before))
            assert replace(document, title=before.title, phrasings=before.phrasings) == before
    examples = Examples.of(seen.rows)
    assert not examples.labelled.any()
    assert (examples.right[~examples.answerable] == -1).all()
    found = examples.right >= 0
    assert np.isfinite(examples.signals[found, examples.right[found]]).all()
    assert np.isfinite(examples.signals[:, 0]).all()
    assert ((examples.importance > 0) & (examples.importance <= 1)).all()


def judged(base: list[Document], *labelled: Labelled) -> list[leave_out._Row]:
    return judge(Collection.build(base, ENCODER.encode), labelled, ENCODER.encode)


def test_a_judgement_asks_the_whole_base(bank: list[Document]) -> None:
    """Confirmed, unanswerable, or of an entry that is no longer published, which nothing answers either."""
    base = sorted(bank[:-1], key=lambda document: (document.entry, document.locale))
    rows = judged(
        base,
        Labelled("se me perdió la tarjeta", "card-lost", "es-MX", weight=3.0),
        Labelled("¿venden seguros?", None, "es-MX"),
        Labelled("dónde está la sucursal", "branches", None, weight=0.5),
    )
    names = [(row.answerable, row.labelled, row.importance, row.group, row.locale) for row in rows]
    assert names == [
        (True, True, 3.0, "card-lost", "es-MX"),
        (False, True, 1.0, "¿venden seguros?", "es-MX"),
        (False, True, 0.5, "branches", None),
    ]
    assert [row.right for row in rows] == [0, -1, -1]
    assert [len(row.signals) for row in rows] == [6, 6, 6]


def test_a_refused_answer_counts_while_it_comes_first(bank: list[Document]) -> None:
    """As a question that has an answer which is not it."""
    base = sorted(bank[:-1], key=lambda document: (document.entry, document.locale))
    first, other = (
        Labelled("se me perdió la tarjeta", entry, confirmed=False, weight=0.5) for entry in ("card-lost", "fees")
    )
    (row,) = judged(base, first, other)
    assert (row.answerable, row.right, row.importance, row.labelled) == (True, -1, 0.5, True)


def test_a_judgement_of_a_phrasing_itself_or_of_no_words_says_nothing(bank: list[Document]) -> None:
    """The first is never in doubt, the second never answered; nor does a base without entries judge anything."""
    base = sorted(bank[:-1], key=lambda document: (document.entry, document.locale))
    known = (Labelled("PERDÍ mi tarjeta!", "card-lost"), Labelled("🙂", None), Labelled("ver mi saldo", "fees"))
    assert judged(base, *known) == judged(base) == judged([], Labelled("saldo", "balance")) == []


def test_examples_leave_room_for_candidates() -> None:
    """NaN where a question has fewer; groups are equal where their names are."""
    rows = [
        leave_out._Row(np.ones((2, 5)), 1, True, False, 0.5, "a", "en"),
        leave_out._Row(np.ones((24, 5)), 23, True, True, 1.0, "b", None),
        leave_out._Row(np.ones((1, 5)), -1, False, False, 1.0, "a", "en"),
    ]
    examples = Examples.of(rows)
    assert np.isnan(examples.signals[..., 0]).sum(axis=1).tolist() == [22, 0, 23]
    assert examples.group.tolist() == [0, 1, 0]
    assert (examples.right.tolist(), examples.locales) == ([1, 23, -1], ("en", None, "en"))


def test_signals_of_rows_have_the_order_of_the_weights() -> None:
    """The names are those of `Signals`."""
    assert [name for name in Signals.__slots__ if name in Weights.__slots__] == list(Weights.__slots__)
