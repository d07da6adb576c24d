"""Builds the arrays a `LexicalIndex` searches."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from indexer._lexical_words import Lexicon, Said, Terms
from indexer.documents import Document
from indexer.text import language_of
from indexer.views import plain_start

# BM25's saturation of repeated words and length normalisation, at the values Robertson and Zaragoza (2009) recommend.
# Keywords are not length-normalised: adding or raising one must never lower another.
SATURATION = 1.2
LENGTH_NORMALISATION = {"question": 0.75, "phrasings": 0.75, "keywords": 0.0, "answer": 0.75}
# Where a keyword's amount stops, so that sums of them stay finite.
_GREATEST_AMOUNT = 1e290

Arrays = dict[str, NDArray[Any]]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_TEXTS: dict[str, Callable[[Document], Sequence[str]]] = {
    "question": lambda document: [document.title],
    "phrasings": lambda document: [*document.phrasings, document.shortcut or ""],
    "keywords": lambda document: [keyword.term for keyword in document.keywords if keyword.weight > 0],
    "answer": lambda document: [plain_start(document.body)],
}


@dataclass(frozen=True, slots=True)
class FieldWeights:
    """What a word counts in each part of a document, as a factor; 0 is nothing.

    `question` is a faq's question or a macro's title, `answer` the start of a faq's answer or of a macro's body.
    """

    question: float = 1.0
    phrasings: float = 1.0
    keywords: float = 1.0
    answer: float = 0.4

    def __post_init__(self) -> None:
        """Refuse (ValueError) a weight that is negative, infinite or NaN."""
        for name, weight in asdict(self).items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"field weight {name!r} must be a finite number >= 0, got {weight}")


class _Keyword(NamedTuple):
    """A keyword that acts on a document; `own` is False when only another locale of the entry has it.

    `members` are the numbers of its words, or of its terms once those have numbers.
    """

    document: int
    label: str
    weight: float
    own: bool
    members: frozenset[int]


def build_arrays(documents: Sequence[Document], weights: FieldWeights) -> tuple[dict[str, Any], Arrays]:
    """(meta, arrays) as `LexicalIndex` takes them: names in `meta`, numbers in `arrays`."""
    spoken = [language_of(document.locale) for document in documents]
    languages = sorted(set(spoken))
    lexicon = Lexicon(languages)
    said = {
        name: lexicon.said(("\n".join(texts(d)), own) for d, own in zip(documents, spoken, strict=True))
        for name, texts in _TEXTS.items()
    }
    worded = list(_keywords(documents, spoken, lexicon))
    terms = lexicon.terms()
    keywords = [keyword._replace(members=_columns(keyword.members, terms)) for keyword in worded]
    in_force = _in_force(keywords)
    language = np.array([languages.index(own) for own in spoken], dtype=np.int64)
    size = np.bincount(language, minlength=len(languages))
    frequencies = _frequencies(said, keywords, terms, language, weights)
    idf = _idf(size[terms.language], np.diff(frequencies.indptr))
    spellings = _spellings(said, worded, terms)
    meta = {
        "languages": languages,
        "terms": terms.names,
        "spellings": [[terms.spelling[word] for word in words.tolist()] for words in spellings],
        "keywords": [keyword.label for keyword in in_force],
        "weights": asdict(weights),
    }
    return meta, {
        "language": language,
        "idf": idf,
        "unknown_idf": _idf(size, np.zeros_like(size)),
        "spelling_column": terms.column[np.concatenate([*spellings, np.zeros(0, dtype=np.int64)])],
        **_parts("postings", _amounts(frequencies, idf)),
        **_keyword_arrays(in_force, idf),
    }


def _idf(documents: Integers, containing: Integers) -> Floats:
    """Inverse document frequency of BM25, in Lucene's form, which is always positive."""
    idf: Floats = np.log1p((documents - containing + 0.5) / (containing + 0.5))
    return idf


def _keywords(documents: Sequence[Document], spoken: Sequence[str], lexicon: Lexicon) -> Iterator[_Keyword]:
    """The keywords that act on each document: its own, and those that any locale of its entry mutes."""
    muted: dict[str, dict[str, None]] = defaultdict(dict)
    for document in documents:
        muted[document.entry].update({keyword.term: None for keyword in document.keywords if keyword.weight == 0})
    for row, (document, language) in enumerate(zip(documents, spoken, strict=True)):
        own = {keyword.term for keyword in document.keywords}
        loud = [(keyword.term, keyword.weight) for keyword in document.keywords if keyword.weight > 0]
        for label, weight in [*((label, 0.0) for label in muted[document.entry]), *loud]:
            if members := frozenset(lexicon.numbers(label, language)):
                yield _Keyword(row, label, weight, label in own, members)


def _columns(words: frozenset[int], terms: Terms) -> frozenset[int]:
    """The columns of a keyword's words; stop words count in one made of nothing else, or it could never match."""
    telling = [word for word in words if not terms.stop[word]]
    return frozenset(terms.column[telling or list(words)].tolist())


def _in_force(keywords: Sequence[_Keyword]) -> list[_Keyword]:
    """All but those whose terms are muted for the same document."""
    silent = {(keyword.document, keyword.members) for keyword in keywords if keyword.weight == 0}
    return [k for k in keywords if k.weight == 0 or (k.document, k.members) not in silent]


def _frequencies(
    said: Mapping[str, Said], keywords: Sequence[_Keyword], terms: Terms, language: Integers, weights: FieldWeights
) -> Any:
    """(terms, documents) sparse: BM25F's weighted and length-normalised frequencies.

    The terms of a document's keywords have a cell whatever their weight, be it 0, so that no rarity depends on it.
    """
    own = [(column, keyword.document) for keyword in keywords if keyword.own for column in keyword.members]
    places = [np.array(own, dtype=np.int64).reshape(-1, 2)]
    amounts = [np.zeros(len(own))]
    for name, (word, document) in said.items():
        telling = ~terms.stop[word]
        column, row = terms.column[word[telling]], document[telling]
        places.append(np.column_stack([column, row]))
        with np.errstate(over="ignore"):  # infinity is treated as it should be
            scale = getattr(weights, name) / _length_divisor(row, language, LENGTH_NORMALISATION[name])
        amounts.append(scale[row])
    return _matrix(np.concatenate(places), np.concatenate(amounts), (len(terms.language), len(language)))


def _length_divisor(document: Integers, language: Integers, normalisation: float) -> Floats:
    """(documents,) what BM25 divides a field's frequencies by, given the document of every word in that field."""
    length = np.bincount(document, minlength=len(language))
    average = np.bincount(language, length) / np.maximum(np.bincount(language), 1)
    divisor: Floats = 1 - normalisation + normalisation * length / np.where(average, average, 1)[language]
    return divisor


def _amounts(frequencies: Any, idf: Floats) -> Any:
    """BM25's amounts of `frequencies`."""
    rarity = np.repeat(idf, np.diff(frequencies.indptr))
    with np.errstate(divide="ignore", over="ignore"):  # 0 and infinity have the limits they should
        saturated = (SATURATION + 1) / (1 + SATURATION / frequencies.data)
    return sparse.csr_array((rarity * saturated, frequencies.indices, frequencies.indptr), shape=frequencies.shape)


def _spellings(said: Mapping[str, Said], keywords: Sequence[_Keyword], terms: Terms) -> list[Integers]:
    """By language, the words in documents' texts and in their own keywords, whatever those weigh; none with digits,
    because 2025 is no misspelt 2024."""
    met = np.zeros(len(terms.spelling), dtype=np.bool_)
    for words, _ in said.values():
        met[words] = True
    met[np.array([word for keyword in keywords if keyword.own for word in keyword.members], dtype=np.int64)] = True
    met &= ~terms.stop & np.array([word.replace("'", "").isalpha() for word in terms.spelling], dtype=np.bool_)
    language = terms.language[terms.column]
    return [np.flatnonzero(met & (language == own)) for own in range(len(terms.names))]


def _keyword_arrays(keywords: Sequence[_Keyword], idf: Floats) -> Arrays:
    cells = [(column, number) for number, keyword in enumerate(keywords) for column in keyword.members]
    places = np.array(cells, dtype=np.int64).reshape(-1, 2)
    size = np.bincount(places[:, 1], minlength=len(keywords))
    rarity = np.bincount(places[:, 1], idf[places[:, 0]], minlength=len(keywords)) / size
    weight = np.array([keyword.weight for keyword in keywords], dtype=np.float64)
    with np.errstate(over="ignore"):
        amount = np.minimum(weight * rarity, _GREATEST_AMOUNT)
    return {
        "keyword_document": np.array([keyword.document for keyword in keywords], dtype=np.int64),
        "keyword_amount": amount,
        "keyword_muted": weight == 0,
        "keyword_size": size,
        **_parts("keyword_postings", _matrix(places, np.ones(len(cells)), (len(idf), len(keywords)))),
    }


def _matrix(places: Integers, values: Floats, shape: tuple[int, int]) -> Any:
    """The sparse matrix of `values` at `places` (n, 2); those at the same place are added."""
    return sparse.csr_array((values, (places[:, 0], places[:, 1])), shape=shape)


def _parts(name: str, matrix: Any) -> Arrays:
    return {f"{name}_{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}
