"""Preview a publication: which golden questions it would make worse, and whether it may go ahead all the same."""

from collections.abc import Callable, Sequence
from typing import Literal

from indexer.documents import Document
from kb_service.services.check_golden_questions import CheckGoldenQuestions, GoldenComparison
from kb_service.services.import_content import ImportPlan
from kb_service.services.sync_index import SyncIndex, document_from

Rule = Literal["warn", "block", "off"]
_UNSTORED = 0  # the id of a revision that is none yet; ranking does not look at it
Progress = Callable[[int, int], None]


class PreviewPublication:
    """The gate before content goes live. It holds for whoever publishes; the index follows what passed it (ADR 7)."""

    def __init__(self, sync: SyncIndex, golden: CheckGoldenQuestions, rule: Rule) -> None:
        self._sync = sync
        self._golden = golden
        self._rule = rule

    def of_import(self, plan: ImportPlan, on_progress: Progress | None = None) -> GoldenComparison | None:
        """The golden questions now and with what the plan publishes; None where it is not asked for or changes nothing.

        The candidate index is built once. IndexerError or NotReady where the index cannot be used.
        """
        rows = (row.draft for row in plan.rows if row.publishes)
        return self.of_documents(
            [document_from(d.kind, d.key, d.locale, d.content, _UNSTORED) for d in rows], on_progress
        )

    def of_documents(
        self, going_live: Sequence[Document], on_progress: Progress | None = None
    ) -> GoldenComparison | None:
        """The golden questions now and with these documents live."""
        is_of_interest = self._rule != "off" and any(document.kind == "faq" for document in going_live)
        if not is_of_interest or not self._golden.any():
            return None
        return self._golden.compare(*self._sync.candidate(going_live, on_progress))

    def refusal(self, comparison: GoldenComparison | None, *, accepted: bool) -> str | None:
        """Why this may not be published, in one sentence; None where it may."""
        if self._rule != "block" or accepted or comparison is None or not comparison.fell:
            return None
        return f"{' and '.join(comparison.fell)} on the golden questions would fall (the report names them)"
