"""Why the decision on a question is what it is, and what would change it: numbers and names, for callers to word."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from indexer.calibration import LEAST_ANSWERABLE
from indexer.combination import COMBINED, Weights
from indexer.confidence import EXACT_CONFIDENCE, MOST_SUBJECT, ConfidenceModel, Thresholds
from indexer.decision import Decision, Outcome, decide
from indexer.encoders import MAX_CHARACTERS
from indexer.fitting import Parameters
from indexer.ranking import Candidate, Query, Signals, TermContribution, Wording
from indexer.text import same_wording

_TINY = 1e-300
ChangeKind = Literal["phrasing", "single", "shared", "threshold", "precision", "lead", "subject", "keyword", "rival"]


@dataclass(frozen=True, slots=True)
class SignalContribution:
    """What a combined signal made of the best candidate's score: `value` * `weight` = `amount`, in nats.

    `ahead` is `amount` less the runner-up's; those of all signals add up to the difference of the two scores. None
    without a runner-up.
    """

    name: str
    value: float
    weight: float
    amount: float
    ahead: float | None


@dataclass(frozen=True, slots=True)
class ConfidenceParts:
    """What the confidence is made of: four amounts, in log-odds, and `fitted`, the probability that their sum means.

    `exact`: the wording is a phrasing of this entry alone, which the confidence is not less than EXACT_CONFIDENCE for.
    """

    bias: float
    subject: float
    lead: float
    locale: float
    fitted: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Something that would change the decision, all else being equal: `entry` would come first, with this `outcome`.

    `confidence` is what it would then have, or at least have; None where that depends on more. `value` and `now`, where
    the kind is about a quantity, are what that would have to be and what it is.

    `phrasing`: the question, `term`, is made a phrasing of `entry`. `single`: of the `entries` that it is a phrasing of
    now, only `entry` keeps it. `shared`: it is made a phrasing of one more entry; `outcome` is None, it no longer
    settles the matter. `threshold`: the least confidence for an `outcome` is at most `value`; for an answered question,
    above it. `precision`: the same of the precision wanted, where the threshold is just that. `lead`, `subject`: that
    signal of the best candidate is at least `value`; its lead grows with its subject. `keyword`: the weight of the
    keyword `term` is at least `value`; None where no weight is enough, `confidence` then being the limit, and the
    outcome the present one. `rival`: the runner-up's score is more than `value` nats higher than it is.
    """

    kind: ChangeKind
    entry: str
    outcome: Outcome | None
    confidence: float | None = None
    value: float | None = None
    now: float | None = None
    term: str | None = None
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The best candidate's signals, in their fixed order, and its terms, which are a part of its signal `words`.

    `above_answer` and `above_suggest` are its confidence less the threshold, negative where that is missed. `unmatched`
    are the question's words that the entry lacks. `changes` are true of this question, content and fit.
    """

    entry: str
    runner_up: str | None
    signals: tuple[SignalContribution, ...]
    terms: tuple[TermContribution, ...]
    unmatched: tuple[str, ...]
    confidence: ConfidenceParts
    thresholds: Thresholds
    above_answer: float
    above_suggest: float
    changes: tuple[Change, ...]


def explain(
    query: Query, decision: Decision, ranked: Sequence[Candidate], parameters: Parameters, wording: Wording
) -> Explanation | None:
    """Why `decision` was taken on `ranked`, which is what the query finds with these parameters; None without any.

    `wording` is that of the query and the first candidate.
    """
    if not ranked:
        return None
    case = _Case(query, decision, ranked, parameters, wording)
    best = ranked[0]
    return Explanation(
        entry=best.entry,
        runner_up=case.runner_up.entry if case.runner_up else None,
        signals=tuple(_contributions(best, case.runner_up, parameters.weights)),
        terms=best.terms,
        unmatched=wording.unmatched,
        confidence=_parts(best.signals, parameters.confidence, query.locale),
        thresholds=decision.thresholds,
        above_answer=decision.confidence - decision.thresholds.answer,
        above_suggest=decision.confidence - decision.thresholds.suggest,
        changes=tuple(case.losses() if decision.outcome == "answer" else case.gains()),
    )


def _contributions(best: Candidate, runner_up: Candidate | None, weights: Weights) -> Iterator[SignalContribution]:
    for name in COMBINED:
        weight, value = getattr(weights, name), getattr(best.signals, name)
        ahead = weight * (value - getattr(runner_up.signals, name)) if runner_up else None
        yield SignalContribution(name, value, weight, weight * value, ahead)


def _parts(signals: Signals, model: ConfidenceModel, locale: str | None) -> ConfidenceParts:
    return ConfidenceParts(
        bias=model.bias,
        subject=model.subject * min(signals.subject, MOST_SUBJECT),
        lead=model.lead * signals.lead,
        locale=model.locales.get(locale, 0.0) if locale else 0.0,
        fitted=model.confidence(replace(signals, exact=0.0), locale),
        exact=signals.exact == 1,
    )


class _Case:
    """A question whose decision is recomputed under changes."""

    def __init__(
        self, query: Query, decision: Decision, ranked: Sequence[Candidate], parameters: Parameters, wording: Wording
    ) -> None:
        self._query, self._decision, self._wording = query, decision, wording
        self._model, self._weights = parameters.confidence, parameters.weights
        self._is_fitted = parameters.fitted_to >= 0
        self._best = ranked[0]
        self.runner_up = ranked[1] if len(ranked) > 1 else None

    def gains(self) -> Iterator[Change]:
        """What would make more of a question that is not answered."""
        yield from self._by_wording()
        yield from self._by_threshold()
        for outcome, threshold in self._missed():
            yield from self._by_signals(outcome, threshold)
        yield from self._by_keywords()

    def losses(self) -> Iterator[Change]:
        """What would take the answer away."""
        best, confidence = self._best, self._decision.confidence
        thresholds = self._decision.thresholds
        if best.signals.exact == 1:
            yield Change("shared", best.entry, None)
        elif self.runner_up and thresholds.answer < 1:
            yield self._by_rival(self.runner_up)
            yield from self._phrasing_of(self.runner_up)
        if confidence < 1:
            higher = Thresholds(math.nextafter(confidence, 1), thresholds.suggest)
            outcome = _outcome(best, confidence, replace(self._model, thresholds=higher))
            yield Change(self._threshold_kind(), best.entry, outcome, confidence, confidence, thresholds.answer)

    def _by_wording(self) -> Iterator[Change]:
        best, entries = self._best, self._wording.entries
        if len(entries) > 1:
            keeper = best.entry if best.entry in entries else entries[0]
            if self._decision.thresholds.answer <= EXACT_CONFIDENCE:
                yield Change("single", keeper, "answer", EXACT_CONFIDENCE, entries=entries)
        elif not entries:
            yield from self._phrasing_of(best)

    def _phrasing_of(self, candidate: Candidate) -> Iterator[Change]:
        """The question is nobody's phrasing, and is made one of the candidate's."""
        can_be = same_wording(self._query.text) and len(self._query.text) <= MAX_CHARACTERS
        is_enough = self._decision.thresholds.answer <= EXACT_CONFIDENCE
        if can_be and is_enough and not self._wording.entries:
            yield Change("phrasing", candidate.entry, "answer", EXACT_CONFIDENCE, term=self._query.text)

    def _by_threshold(self) -> Iterator[Change]:
        """Thresholds are in order, so the next better outcome is the one whose threshold may be lowered alone."""
        outcome: Outcome = "answer" if self._decision.outcome == "suggest" else "suggest"
        confidence = self._decision.confidence
        kind = self._threshold_kind() if outcome == "answer" else "threshold"
        now = getattr(self._decision.thresholds, outcome)
        yield Change(kind, self._best.entry, outcome, confidence, confidence, now)

    def _threshold_kind(self) -> ChangeKind:
        """With too little evidence for a promise, whatever precision is wanted is the threshold."""
        model, evidence = self._model, self._model.evidence
        is_wanted = model.promise is None and model.thresholds.answer == model.goal.precision
        is_little = evidence.answerable + evidence.labelled < LEAST_ANSWERABLE
        may_be_wanted = self._decision.confidence >= model.goal.suggest_precision
        return "precision" if self._is_fitted and is_wanted and is_little and may_be_wanted else "threshold"

    def _missed(self) -> list[tuple[Outcome, float]]:
        thresholds = self._decision.thresholds
        better: list[tuple[Outcome, float]] = [("answer", thresholds.answer), ("suggest", thresholds.suggest)]
        return better if self._decision.outcome == "handoff" else better[:1]

    def _by_signals(self, outcome: Outcome, threshold: float) -> Iterator[Change]:
        signals = self._best.signals
        lead = self._needed_lead(threshold)
        if lead is not None:
            yield Change("lead", self._best.entry, outcome, self._if(lead=lead), lead, signals.lead)
        follows = self._weights.subject if self.runner_up else 0.0
        missing = self._missing(threshold)
        needed = None if missing is None else self._needed_subject(missing, self._model.lead * follows)
        if needed is not None:

            def confidence(subject: float) -> float:
                return self._if(subject=subject, lead=signals.lead + follows * (subject - signals.subject))

            subject = _least(needed, lambda value: confidence(value) >= threshold)
            yield Change("subject", self._best.entry, outcome, confidence(subject), subject, signals.subject)

    def _needed_subject(self, missing: float, lead_rate: float) -> float | None:
        """The subject at which the log-odds have risen by `missing`; above MOST_SUBJECT only through the lead."""
        now = self._best.signals.subject
        rate, room = self._model.subject + lead_rate, max(MOST_SUBJECT - now, 0.0)
        if missing <= room * rate and rate > 0:
            return now + missing / rate
        return now + room + (missing - room * rate) / lead_rate if lead_rate > 0 else None

    def _missing(self, threshold: float) -> float | None:
        """What the log-odds lack for the threshold, negative where they have more; None where nothing reaches it."""
        if not 0 < threshold < 1:
            return None
        return math.log(threshold / (1 - threshold)) - self._model.logit(self._best.signals, self._query.locale)

    def _needed_lead(self, threshold: float) -> float | None:
        """The least lead that reaches the threshold; None where no lead does, or there is nobody to lead."""
        missing = self._missing(threshold)
        if missing is None or not self.runner_up or not self._model.lead > 0:
            return None
        lead = self._best.signals.lead + missing / self._model.lead
        return _least(lead, lambda value: self._if(lead=value) >= threshold)

    def _by_keywords(self) -> Iterator[Change]:
        """A keyword's weight acts on the signal `words` alone, and through the score on the lead."""
        words, lead = self._best.signals.words, self._best.signals.lead
        if not self.runner_up or words >= 1:
            return
        limit = self._if(lead=lead + self._weights.words * (1 - words))
        for term in self._best.terms:
            if not (term.keyword > 0 and term.weight > 0):
                continue
            outcome = self._decision.outcome
            value = confidence = None
            for better, threshold in self._missed():
                value = self._needed_weight(term, threshold)
                if value is not None:
                    outcome, confidence = better, self._if(lead=lead + self._gain(term, value))
                    break
            found = confidence if confidence is not None else limit
            yield Change("keyword", self._best.entry, outcome, found, value, term.weight, term.term)

    def _needed_weight(self, term: TermContribution, threshold: float) -> float | None:
        needed = self._needed_lead(threshold)
        lead = self._best.signals.lead
        if needed is None or not self._weights.words > 0:
            return None
        words = self._best.signals.words + (needed - lead) / self._weights.words
        if words >= 1 or self._per_weight(term) == 0:
            return None
        weight = term.weight + (words / (1 - words) - self._odds()) / self._per_weight(term)
        least = _least(weight, lambda value: self._if(lead=lead + self._gain(term, value)) >= threshold)
        return least if math.isfinite(least) else None

    def _gain(self, term: TermContribution, weight: float) -> float:
        """Nats that the score gains where the term's keyword has this weight."""
        odds = self._odds() + self._per_weight(term) * (weight - term.weight)
        return self._weights.words * (1 - 1 / (1 + odds) - self._best.signals.words)

    def _odds(self) -> float:
        """s / c of the signal `words` = s / (s + c), see `LexicalMatch`."""
        return self._best.signals.words / (1 - self._best.signals.words)

    def _per_weight(self, term: TermContribution) -> float:
        """What one more of the keyword's weight adds to s / c."""
        total = sum(other.amount for other in self._best.terms)
        return self._odds() * term.keyword / total / term.weight

    def _by_rival(self, rival: Candidate) -> Change:
        """The runner-up comes nearer, until the confidence is too small or it overtakes."""
        best, threshold = self._best, self._decision.thresholds.answer
        overtaken = best.score - rival.score
        # What all but these two weigh, as a share of the best candidate's weight.
        rest = max(math.exp(-best.signals.lead) - math.exp(-overtaken), 0.0)
        lead = self._needed_lead(threshold)
        if lead is not None and lead > -math.log1p(rest):
            rise = max(math.log(max(math.exp(-lead) - rest, _TINY)) + overtaken, 0.0)
            confidence = math.nextafter(threshold, 0)
            return Change("rival", best.entry, self._outcome(confidence), confidence, rise)
        confidence = self._model.confidence(replace(rival.signals, lead=-math.log1p(rest)), self._query.locale)
        return Change("rival", rival.entry, self._outcome(confidence), confidence, overtaken)

    def _if(self, **signals: float) -> float:
        """The best candidate's confidence with these signals."""
        return self._model.confidence(replace(self._best.signals, **signals), self._query.locale)

    def _outcome(self, confidence: float) -> Outcome:
        return _outcome(self._best, confidence, self._model)


def _outcome(best: Candidate, confidence: float, model: ConfidenceModel) -> Outcome:
    """What would happen with a first candidate that is so sure."""
    return decide([replace(best, confidence=confidence)], model).outcome


def _least(value: float, reaches: Callable[[float], bool]) -> float:
    """`value`, or the first number found above it that reaches: a formula solved for it is off in the last digits."""
    step = max(abs(value), 1.0) * 2.0**-52
    while not reaches(value):
        value, step = value + step, 2 * step
    return value
