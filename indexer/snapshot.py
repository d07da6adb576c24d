"""A snapshot: everything needed to answer, built once, read-only, in a folder whose every byte is checked."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from indexer._collection import Collection
from indexer.adapter import Adapter
from indexer.confidence import ConfidenceModel, Goal
from indexer.documents import KINDS, Document, Kind
from indexer.encoders import Encoder, Progress
from indexer.errors import EncoderMismatch, IndexerError, SnapshotDamaged
from indexer.fitting import Parameters, Sources, Vectors, fit, tune
from indexer.leave_out import Labelled
from indexer.manifest import FORMAT, Manifest, json_line, measure, read_manifest, verify_files, write_manifest
from indexer.ranking import Candidate, Query, Wording
from indexer.vector_cache import VectorCache, remembering
from indexer.views import all_texts, phrasings

UNPUBLISHED = "unpublished"
_ADAPTER = "adapter.npy"


class Snapshot:
    """The published knowledge base, searchable. Read-only and safe to share between threads.

    Faqs and macros are separate collections, so that a search for one can never find the other.
    """

    def __init__(self, manifest: Manifest, collections: Mapping[Kind, Collection], parameters: Parameters) -> None:
        self.manifest = manifest
        self.parameters = parameters
        self._collections = collections

    @property
    def version(self) -> str:
        """The name it was published under, or "unpublished"."""
        return self.manifest.version

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every document, by kind, entry and locale."""
        return tuple(document for kind in KINDS for document in self._collections[kind].documents)

    @classmethod
    def build(
        cls,
        documents: Iterable[Document],
        encoder: Encoder,
        cache: VectorCache,
        *,
        source: str,
        highest_change: int,
        parameters: Parameters = Parameters(),
        on_progress: Progress | None = None,
    ) -> Self:
        """The snapshot of `documents`, in any order; none at all is a valid snapshot.

        `parameters` are used as they are; `fitted` gives a snapshot with its own. Only texts that `cache` does not
        know are encoded, and `on_progress(done, total)` counts only those. IndexerError when an entry has two documents
        of one kind and locale, or a document no text to be found by.
        """
        ordered = sorted(documents, key=lambda document: (document.kind, document.entry, document.locale))
        _check(ordered)
        by_kind = {kind: [document for document in ordered if document.kind == kind] for kind in KINDS}
        _encode(all_texts(ordered), encoder, cache, on_progress)
        collections = {
            kind: Collection.build(
                own, partial(_vectors, encoder, cache), parameters.fields, _adapter(kind, parameters)
            )
            for kind, own in by_kind.items()
        }
        manifest = Manifest(
            format=FORMAT,
            version=UNPUBLISHED,
            encoder=encoder.id,
            encoder_revision=encoder.revision,
            dimension=encoder.dimension,
            entries=sum(len(collection.entries) for collection in collections.values()),
            documents=len(ordered),
            phrasings=sum(len(collection.texts) for collection in collections.values()),
            highest_change=highest_change,
            source=source,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            files={},
        )
        return cls(manifest, collections, parameters)

    def fitted(
        self,
        encoder: Encoder,
        cache: VectorCache,
        goal: Goal,
        labelled: Sequence[Labelled] = (),
        on_progress: Progress | None = None,
    ) -> Self:
        """The same content with parameters fitted to its faqs, for `goal`. `on_progress` counts copies of the base."""
        parameters = fit(
            self._sources(encoder, cache, labelled),
            goal,
            fitted_to=self.manifest.highest_change,
            tuning=self.parameters.tuning,
            on_progress=on_progress,
        )
        return type(self)(replace(self.manifest, version=UNPUBLISHED), self._collections, parameters)

    def tuned_parameters(
        self,
        encoder: Encoder,
        cache: VectorCache,
        goal: Goal,
        labelled: Sequence[Labelled] = (),
        on_progress: Progress | None = None,
    ) -> Parameters:
        """Parameters with the encoder tuned to this content's faqs, for a snapshot to be built with, if that is better.

        They are compared with the encoder alone, whether or not this snapshot is tuned. TooFewQuestions where that
        cannot be done.
        """
        sources = self._sources(encoder, cache, labelled)
        return tune(sources, goal, fitted_to=self.manifest.highest_change, on_progress=on_progress)

    def _sources(self, encoder: Encoder, cache: VectorCache, labelled: Sequence[Labelled]) -> Sources:
        return Sources(
            self._collections["faq"].documents,
            partial(_vectors, encoder, cache),
            _query_vectors(encoder, cache),
            self.parameters.fields,
            labelled,
        )

    @property
    def confidence_model(self) -> ConfidenceModel:
        """What turns faqs' signals into confidence, and the thresholds."""
        return self.parameters.confidence

    def rank(self, kind: Kind, query: Query, limit: int = 10) -> tuple[Candidate, ...]:
        """At most `limit` entries of that kind, best first; none when the question holds no letter.

        Macros are ranked with the starting parameters: nobody is sent one unread, and nothing is promised of them.
        """
        used = self.parameters if kind == "faq" else Parameters()
        return self._collections[kind].rank(query, used.weights, used.confidence, limit)

    def wording(self, kind: Kind, query: Query, entry: str) -> Wording:
        """How the question's words stand to that kind's phrasings, and to everything the entry, which exists, says."""
        return self._collections[kind].wording(query, entry)

    def document(self, kind: Kind, entry: str, locale: str) -> Document | None:
        """The entry's document in exactly that locale, or None; `choose_locale` picks from `locales`."""
        own = self._collections[kind].of_entry(entry)
        return next((document for document in own if document.locale == locale), None)

    def locales(self, kind: Kind, entry: str) -> tuple[str, ...]:
        """The locales the entry is published in, sorted; none when the entry is unknown."""
        return tuple(document.locale for document in self._collections[kind].of_entry(entry))

    def require_encoder(self, encoder: Encoder) -> None:
        """Raise EncoderMismatch unless `encoder` made this snapshot's vectors."""
        built = f"{self.manifest.encoder} ({self.manifest.encoder_revision})"
        running = f"{encoder.id} ({encoder.revision})"
        if built != running:
            raise EncoderMismatch(built, running)

    @property
    def content_hash(self) -> str:
        """SHA-256 in hexadecimal of documents, encoder and parameters with their tuning: what decides every answer."""
        parts = (self.manifest.encoder, self.manifest.encoder_revision, self.parameters.to_dict())
        digest = hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True).encode())
        for document in self.documents:
            digest.update(json_line(document.to_json()))
        return digest.hexdigest()

    def save(self, folder: Path, version: str = UNPUBLISHED) -> None:
        """Write the snapshot, named `version`, into the local `folder`, which is empty or new; the manifest last."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "documents.jsonl").write_bytes(b"".join(json_line(d.to_json()) for d in self.documents))
        (folder / "parameters.json").write_bytes(json_line(self.parameters.to_dict()))
        if self.parameters.adapter:
            self.parameters.adapter.save(folder / _ADAPTER)
        for kind in KINDS:
            self._collections[kind].save(folder, kind)
        files = {path.name: measure(path) for path in sorted(folder.iterdir())}
        write_manifest(folder, replace(self.manifest, version=version, files=files))

    @classmethod
    def load(cls, folder: Path, verify: bool = True) -> Self:
        """The snapshot in the local `folder`. SnapshotDamaged names the first file that is missing, differs from its
        checksum (unless `verify` is False) or cannot be read."""
        manifest = read_manifest(folder)
        if verify:
            verify_files(folder, manifest)
        try:
            parameters = _load_parameters(folder)
            return cls(manifest, _load_collections(folder, parameters), parameters)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise SnapshotDamaged(manifest.version, str(folder), f"unreadable: {error!r:.200}") from error


def _check(documents: Sequence[Document]) -> None:
    for earlier, later in pairwise(documents):
        if (earlier.kind, earlier.entry, earlier.locale) == (later.kind, later.entry, later.locale):
            raise IndexerError(f"{later.kind} {later.entry!r} has two documents in locale {later.locale!r}")
    for document in documents:
        if not phrasings(document):
            raise IndexerError(f"{document.kind} {document.entry!r} in {document.locale!r} has no text to be found by")


def _encode(texts: Sequence[str], encoder: Encoder, cache: VectorCache, on_progress: Progress | None) -> None:
    """Bring the vectors of `texts` into the cache."""
    total, done = cache.count_missing(texts), 0

    def encode(chunk: list[str]) -> NDArray[np.float32]:
        """The chunk's vectors, its progress counted behind that of the chunks before."""
        nonlocal done
        report = on_progress and (lambda now, _: on_progress(done + now, total))
        vectors = encoder.encode(chunk, report)
        done += len(chunk)
        return vectors

    cache.vectors(texts, encode)


def _vectors(encoder: Encoder, cache: VectorCache, texts: list[str]) -> NDArray[np.float32]:
    """The encoder's own vectors of texts; the cache has no others."""
    return cache.vectors(texts, encoder.encode)


def _query_vectors(encoder: Encoder, cache: VectorCache) -> Vectors:
    """What gives texts' vectors as questions."""
    if encoder.has_roles:
        return remembering(partial(encoder.encode, role="query"))
    return partial(_vectors, encoder, cache)


def _adapter(kind: Kind, parameters: Parameters) -> Adapter | None:
    """Faqs alone are adapted: it was learned from them, and macros are ranked without parameters of their own."""
    return parameters.adapter if kind == "faq" else None


def _load_collections(folder: Path, parameters: Parameters) -> dict[Kind, Collection]:
    lines = (folder / "documents.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    documents = [Document.from_json(json.loads(line)) for line in lines]
    return {
        kind: Collection.load(folder, kind, [d for d in documents if d.kind == kind], _adapter(kind, parameters))
        for kind in KINDS
    }


def _load_parameters(folder: Path) -> Parameters:
    data = json.loads((folder / "parameters.json").read_bytes())
    return Parameters.from_dict(data, Adapter.load(folder / _ADAPTER) if data["tuning"] else None)
