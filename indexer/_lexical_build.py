"""Builds the arrays a `LexicalIndex` searches."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from indexer.documents import Document
from indexer.text import language_of, stem, terms, words
from indexer.views import plain_start

# How much a word counts in each field, next to the title's 1. Starting values; nothing learns them yet.
FIELD_WEIGHTS = {"title": 1.0, "phrasings": 1.0, "keywords": 1.0, "body": 0.4}
# BM25's saturation of repeated words and length normalisation, at the values Robertson and Zaragoza (2009) recommend.
# Keywords are not length-normalised: adding or raising one must never lower another.
SATURATION = 1.2
LENGTH_NORMALISATION = {"title": 0.75, "phrasings": 0.75, "keywords": 0.0, "body": 0.75}

Arrays = dict[str, NDArray[Any]]


def qualified(language: str, term: str) -> str:
    """The vocabulary's name for a term: equal stems of two languages are two terms."""
    return f"{language}:{term}"


@dataclass
class _Keywords:
    """A keyword's row: its document, its terms, its weight (0 mutes) and how the curator wrote it."""

    document: list[int] = field(default_factory=list)
    terms: list[frozenset[str]] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    label: list[str] = field(default_factory=list)


def build_arrays(documents: Sequence[Document]) -> tuple[dict[str, Any], Arrays]:
    """(meta, arrays) as `LexicalIndex` takes them: names in `meta`, numbers in `arrays`."""
    languages = [language_of(document.locale) for document in documents]
    fields = [_field_terms(document) for document in documents]
    keywords = _keywords(documents, languages)
    present = [frozenset().union(*counts.values()) for counts in fields]
    for row, names in zip(keywords.document, keywords.terms, strict=True):
        present[row] |= names  # muted ones too, so that no rarity depends on a weight
    vocabulary = sorted({qualified(lang, t) for lang, names in zip(languages, present, strict=True) for t in names})
    column = {name: number for number, name in enumerate(vocabulary)}
    size = Counter(languages)
    frequency = Counter(qualified(lang, t) for lang, names in zip(languages, present, strict=True) for t in names)
    idf = np.array([_idf(size[name.split(":", 1)[0]], frequency[name]) for name in vocabulary], dtype=np.float64)
    known = sorted(size)
    arrays = {
        "language": np.array([known.index(lang) for lang in languages], dtype=np.int64),
        "idf": idf,
        "unknown_idf": np.array([_idf(size[lang], 0) for lang in known], dtype=np.float64),
        **_csr("postings", _weighted(fields, languages, column, idf), (len(vocabulary), len(documents))),
        **_keyword_arrays(keywords, languages, column, idf),
    }
    return {"languages": known, "vocabulary": vocabulary, "keywords": keywords.label}, arrays


def _idf(documents: int, containing: int) -> float:
    """Inverse document frequency of BM25, in Lucene's form, which is never negative."""
    return float(np.log1p((documents - containing + 0.5) / (containing + 0.5)))


def _field_terms(document: Document) -> dict[str, Counter[str]]:
    locale = document.locale
    texts = {
        "title": [document.title],
        "phrasings": [*document.phrasings, document.shortcut or ""],
        "body": [plain_start(document.body)],
        "keywords": [keyword.term for keyword in document.keywords if keyword.weight > 0],
    }
    return {name: Counter(t for text in parts for t in terms(text, locale)) for name, parts in texts.items()}


def _keyword_terms(term: str, language: str) -> frozenset[str]:
    """A keyword's distinct terms; one made of stop words only keeps them, or it could never match."""
    return frozenset(terms(term, language) or (stem(word, language) for word in words(term)))


def _keywords(documents: Sequence[Document], languages: Sequence[str]) -> _Keywords:
    muted: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        muted[document.entry] += [keyword.term for keyword in document.keywords if keyword.weight == 0]
    rows = _Keywords()
    for row, (document, language) in enumerate(zip(documents, languages, strict=True)):
        silent = {_keyword_terms(term, language): term for term in muted[document.entry]}
        loud = [(k.term, k.weight, _keyword_terms(k.term, language)) for k in document.keywords if k.weight > 0]
        own = [(term, 0.0, names) for names, term in silent.items()]
        for label, weight, names in [*own, *(entry for entry in loud if entry[2] not in silent)]:
            if names:
                rows.document.append(row)
                rows.terms.append(names)
                rows.weight.append(weight)
                rows.label.append(label)
    return rows


def _weighted(
    fields: Sequence[dict[str, Counter[str]]],
    languages: Sequence[str],
    column: dict[str, int],
    idf: NDArray[np.float64],
) -> Iterator[tuple[int, int, float]]:
    """(term, document, BM25F amount) of every term of every document."""
    average = _average_lengths(fields, languages)
    for row, (counts, language) in enumerate(zip(fields, languages, strict=True)):
        frequency: dict[str, float] = defaultdict(float)
        for name, counter in counts.items():
            b = LENGTH_NORMALISATION[name]
            scale = FIELD_WEIGHTS[name] / (1 - b + b * counter.total() / (average[language, name] or 1))
            for term, count in counter.items():
                frequency[term] += scale * count
        for term, amount in frequency.items():
            number = column[qualified(language, term)]
            yield number, row, idf[number] * amount * (SATURATION + 1) / (amount + SATURATION)


def _average_lengths(
    fields: Sequence[dict[str, Counter[str]]], languages: Sequence[str]
) -> dict[tuple[str, str], float]:
    lengths: dict[tuple[str, str], list[int]] = defaultdict(list)
    for counts, language in zip(fields, languages, strict=True):
        for name, counter in counts.items():
            lengths[language, name].append(counter.total())
    return {key: sum(values) / len(values) for key, values in lengths.items()}


def _keyword_arrays(
    keywords: _Keywords, languages: Sequence[str], column: dict[str, int], idf: NDArray[np.float64]
) -> Arrays:
    columns = [
        [column[qualified(languages[row], term)] for term in sorted(names)]
        for row, names in zip(keywords.document, keywords.terms, strict=True)
    ]
    rarity = np.array([idf[numbers].mean() for numbers in columns], dtype=np.float64)
    cells = ((number, keyword, 1.0) for keyword, numbers in enumerate(columns) for number in numbers)
    return {
        "keyword_document": np.array(keywords.document, dtype=np.int64),
        "keyword_amount": np.array(keywords.weight, dtype=np.float64) * rarity,
        "keyword_size": np.array([len(numbers) for numbers in columns], dtype=np.int64),
        **_csr("keyword_postings", cells, (len(column), len(columns))),
    }


def _csr(name: str, cells: Iterable[tuple[int, int, float]], shape: tuple[int, int]) -> Arrays:
    table = np.array(list(cells), dtype=np.float64).reshape(-1, 3)
    place = (table[:, 0].astype(np.int64), table[:, 1].astype(np.int64))
    matrix = sparse.csr_array((table[:, 2], place), shape=shape)
    return {f"{name}_data": matrix.data, f"{name}_indices": matrix.indices, f"{name}_indptr": matrix.indptr}
