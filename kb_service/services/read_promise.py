"""What is promised of automatic replies, and what that rests on."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from indexer.calibration import LEAST_ANSWERABLE, LEAST_UNANSWERABLE
from indexer.confidence import ConfidenceModel
from indexer.snapshot import Snapshot

Fit = Literal["starting", "earlier", "current"]
Lack = Literal["fit", "evidence", "precision"]


@dataclass(frozen=True, slots=True)
class PromiseReport:
    """The confidence model of an index: its promise, evidence, thresholds and goal.

    `fit` says whether it has starting values or was fitted to an earlier state of the content or to this one.
    `fitted_to` and `highest_change` are those states, as changes. `lack` says why nothing is promised: nobody has
    fitted it yet, there is too little evidence, or too few questions reach the precision wanted; None with a promise.
    """

    index_version: str
    model: ConfidenceModel
    fit: Fit
    fitted_to: int
    highest_change: int
    lack: Lack | None

    def facts(self) -> dict[str, Any]:
        """All of it by name."""
        model = self.model
        return {
            "promise": asdict(model.promise) if model.promise else None,
            "lack": self.lack,
            "evidence": asdict(model.evidence),
            "goal": asdict(model.goal),
            "thresholds": asdict(model.thresholds),
            "fit": self.fit,
            "fitted_to": self.fitted_to,
        }


def read_promise(snapshot: Snapshot) -> PromiseReport:
    """What this index promises."""
    model, fitted_to = snapshot.confidence_model, snapshot.parameters.fitted_to
    newest = snapshot.manifest.highest_change
    fit: Fit = "starting" if fitted_to < 0 else "earlier" if fitted_to < newest else "current"
    return PromiseReport(snapshot.version, model, fit, fitted_to, newest, _lack(model, fit))


def _lack(model: ConfidenceModel, fit: Fit) -> Lack | None:
    if model.promise:
        return None
    if fit == "starting":
        return "fit"
    evidence = model.evidence
    is_little = evidence.answerable + evidence.labelled < LEAST_ANSWERABLE or evidence.unanswerable < LEAST_UNANSWERABLE
    return "evidence" if is_little else "precision"
