"""What commands print of explanations and promises, in words and tables for people."""

import math
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from indexer.calibration import LEAST_ANSWERABLE
from indexer.explanation import Change, Explanation
from indexer.ranking import TermContribution
from kb_service.services.consider_question import Considered
from kb_service.services.read_promise import PromiseReport

_SIGNALS = {
    "nearest": "nearest: the nearest phrasing",
    "subject": "subject: what the entry is about",
    "learned": "learned: what sets its texts apart",
    "words": "words: shared words and keywords",
    "spelling": "spelling: pieces of words",
}
_FIT = {
    "starting": "not yet: starting values (`kb index sync` and the worker fit)",
    "earlier": "to an earlier state of the content",
    "current": "to the current content",
}


def show_explanation(console: Console, considered: Considered) -> None:
    """Why the decision is what it is, and what would change it."""
    found = considered.explanation
    if found is None:
        console.print("nothing was found that could be explained")
        return
    ahead = f"ahead of {escape(found.runner_up)}" if found.runner_up else "ahead"
    table = Table(f"why {escape(found.entry)}", "value", "weight", "points", ahead)
    for signal in found.signals:
        lead = "-" if signal.ahead is None else f"{signal.ahead:+.2f}"
        table.add_row(
            _SIGNALS[signal.name], f"{signal.value:.2f}", f"{signal.weight:.2f}", f"{signal.amount:.2f}", lead
        )
    total = sum(signal.ahead or 0 for signal in found.signals)
    table.add_section()
    table.add_row("together", "", "", f"{sum(s.amount for s in found.signals):.2f}", f"{total:+.2f}")
    console.print(table)
    for line in _lines(found):
        console.print(line, markup=False)


def _lines(found: Explanation) -> Iterator[str]:
    yield "one point more makes an entry 2.7 times as likely"
    yield f"words that counted, in points: {', '.join(_term(term) for term in found.terms[:8]) or 'none'}"
    if found.unmatched:
        yield f"words that the entry lacks: {', '.join(found.unmatched)}"
    parts = found.confidence
    yield (
        f"confidence, in log-odds: {parts.bias:+.2f} to begin with, {parts.subject:+.2f} for the subject, "
        f"{parts.lead:+.2f} for the lead over all others, {parts.locale:+.2f} for the locale: {parts.fitted:.3f}"
    )
    if parts.exact:
        yield "the question is, word for word, a phrasing of this entry alone: that is enough by itself"
    thresholds = found.thresholds
    yield (
        f"an automatic reply needs {thresholds.answer:.3f}, {_margin(found.above_answer)}; "
        f"a suggestion needs {thresholds.suggest:.3f}, {_margin(found.above_suggest)}"
    )
    yield "what would change the decision, all else being equal:"
    yield from (f"- {_change(change, found)}" for change in found.changes)


def _margin(above: float) -> str:
    return f"{'exceeded' if above >= 0 else 'missed'} by {abs(above):.3f}"


def _term(term: TermContribution) -> str:
    keyword = f" ({term.keyword:.2f} of it as a keyword of weight {term.weight:g})" if term.keyword else ""
    return f"{term.term} {term.amount:.2f}{keyword}"


def _change(change: Change, found: Explanation) -> str:
    is_loss = found.above_answer >= 0
    outcome = _outcome(change, found)
    value = change.value if change.value is not None else math.nan
    now = change.now if change.now is not None else math.nan
    match change.kind:
        case "phrasing":
            return f"{change.term!r} as a phrasing of {change.entry}: {outcome}"
        case "single":
            return f"only one of {', '.join(change.entries)} having it as a phrasing, such as {change.entry}: {outcome}"
        case "shared":
            return "the question as a phrasing of another entry as well: its wording would not be enough any more"
        case "threshold" | "precision":
            what = "precision wanted" if change.kind == "precision" else "threshold"
            limit = f"above {_up(value)}" if is_loss else f"of {_down(value)} or less"
            return f"a {what} {limit} (it is {now:.3f}): {outcome}"
        case "lead":
            return f"a lead over all other entries of {_up(value)} (it is {now:.3f}): {outcome}"
        case "subject":
            return f"nearness to the subject of {_up(value)} (it is {now:.3f}; its own texts are at about 1): {outcome}"
        case "keyword" if change.value is None:
            return f"no weight of the keyword {change.term!r} would be enough: {change.confidence:.3f} at most"
        case "keyword":
            return f"the keyword {change.term!r} at weight {_up(value)} (it is {now:g}): {outcome}"
        case "rival":
            return f"{found.runner_up} being more than {_up(math.exp(value))} times as likely as it is: {outcome}"


def _outcome(change: Change, found: Explanation) -> str:
    by = f" by {change.entry}" if change.entry != found.entry else ""
    return f"{change.outcome}{by}"


def _up(value: float) -> str:
    """Rounded so that whoever reaches what is printed has reached `value`."""
    return f"{math.ceil(value * 1000) / 1000:.3f}"


def _down(value: float) -> str:
    return f"{math.floor(value * 1000) / 1000:.3f}"


def promise_lines(report: PromiseReport) -> dict[str, str]:
    """What is promised, on what, in lines by their names."""
    model, evidence = report.model, report.model.evidence
    wanted = f"{model.goal.precision:.1%} wanted"
    if model.promise:
        promise = f"{model.promise.precision:.1%} of automatic replies right ({wanted}), "
        promise += f"{model.promise.coverage:.0%} of questions answered"
    else:
        promise = f"none, the thresholds are cautious ({wanted}): {_lack(report)}"
    return {
        "promise": promise,
        "evidence": f"{evidence.answerable} answerable, {evidence.unanswerable} unanswerable, "
        f"{evidence.labelled} labelled questions",
        "thresholds": f"automatic reply from {model.thresholds.answer:.3f}, "
        f"suggestion from {model.thresholds.suggest:.3f}",
        "fitted": _FIT[report.fit]
        + (f" ({report.fitted_to} of {report.highest_change} changes)" if report.fit == "earlier" else ""),
    }


def _lack(report: PromiseReport) -> str:
    helps = "a second and third phrasing for every entry and golden questions help"
    if report.lack == "fit":
        return "it was not yet measured on this base"
    if report.lack == "evidence":
        return f"there is too little evidence (at least {LEAST_ANSWERABLE} answerable questions); {helps}"
    return f"too few questions reach the precision wanted; {helps}"


def reliability_table(report: PromiseReport) -> Table | None:
    """How often the first entry was right, by how sure the service was of it."""
    if not (report.model.promise and report.model.promise.reliability):
        return None
    table = Table("confidence", "right", "questions")
    for row in report.model.promise.reliability:
        table.add_row(f"{row.confidence:.2f}", f"{row.right:.2f}", str(row.questions))
    return table
