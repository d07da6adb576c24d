"""Golden questions: kept without personal data, checked when content goes live, read with what they get now."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from indexer.evaluation import evaluate
from indexer.snapshot import Snapshot
from kb_service.errors import InvalidInput, NotReady
from kb_service.services.check_golden_questions import CheckGoldenQuestions, GoldenComparison
from kb_service.services.evaluate_questions import EvaluateQuestions
from kb_service.services.preview_publication import PreviewPublication, Rule
from kb_service.services.sync_index import SyncIndex
from tests.support.bases import faq, macro, write_lines
from tests.unit.kb_service.services.conftest import SmallBase

CARD = faq("card-lost", question="perdí mi tarjeta")
BALANCE = faq("balance", question="¿Cómo consulto mi saldo?")
CARD_SPOILT = faq("card-lost", question="otro asunto")


@pytest.fixture
def bank(small: SmallBase) -> SmallBase:
    """Two FAQs and no golden questions."""
    small.publish(CARD, BALANCE)
    small.encoder.asked.clear()
    return small


def _keep(base: SmallBase, query: str = "perdí mi tarjeta", expected: str | None = "card-lost", **more: Any) -> str:
    return base.golden_keeping.add(query, more.pop("locale", "es-MX"), expected, "ana", **more)[1]


def _preview(base: SmallBase, *lines: Any, publish: bool = True, rule: Rule = "warn") -> GoldenComparison | None:
    plan = base.importing.preview(write_lines(base.folder / "next.jsonl", lines), publish=publish)
    return PreviewPublication(base.sync, base.golden_check, rule).of_import(plan)


def _grades(base: SmallBase) -> dict[str, str | None]:
    return {row.question.query: row.grade for row in base.golden.page().rows}


@pytest.mark.parametrize("again", ["PERDI MI TARJETA!!", "  ¿perdí, mi tarjeta?  ", "perdí mi\ttarjeta"])
def test_case_accents_and_punctuation_make_no_other_question(bank: SmallBase, again: str) -> None:
    """In the same locale; the first spelling stays."""
    assert _keep(bank) == "added"
    assert _keep(bank, again) == "unchanged"
    assert _keep(bank, again, None) == "changed"
    assert _keep(bank, again, "card-lost", locale="pt-BR") == "added"
    assert {q.locale: q.expected for q in bank.golden.all()} == {"es-MX": None, "pt-BR": "card-lost"}


@pytest.mark.parametrize("data", ["ana.perez@ejemplo.mx", "4111 1111 1111 1111", "55 1234 5678"])
def test_personal_data_is_not_kept(bank: SmallBase, data: str) -> None:
    """And makes no difference to what the question gets, as with customers' questions."""
    _keep(bank, f"perdí mi tarjeta {data}")
    (row,) = bank.golden.page().rows
    assert data not in row.question.query
    assert row.question.query.startswith("perdí mi tarjeta [")
    considered = bank.questions.consider("perdí mi tarjeta", "es-MX")
    assert row.result
    assert (row.result.confidence, row.result.outcome) == (considered.decision.confidence, considered.decision.outcome)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"query": ""}, "query"),
        ({"query": " \n"}, "query"),
        ({"query": "¿?🙂"}, "query"),
        ({"query": "ana@b.mx"}, "query"),
        ({"query": "x" * 5001}, "query"),
        ({"query": "a\0b"}, "query"),
        ({"query": "a\ud800b"}, "query"),
        ({"expected": "no-such"}, "entry"),
        ({"expected": ""}, "entry"),
        ({"expected": "a\0b"}, "entry"),
        ({"expected": "\ud800"}, "entry"),
        ({"expected": "k" * 201}, "entry"),
        ({"expected": "greeting"}, "entry"),
        ({"note": "n" * 501}, "note"),
        ({"note": "a\0b"}, "note"),
    ],
    ids=str,
)
def test_what_cannot_be_a_golden_question_is_refused(bank: SmallBase, fields: dict[str, Any], where: str) -> None:
    """And the field at fault is named; a macro answers no customer."""
    bank.publish(macro("greeting"))
    with pytest.raises(InvalidInput) as caught:
        _keep(bank, **fields)
    assert caught.value.where == where
    assert bank.golden.count() == 0


def test_an_entry_that_is_a_draft_may_be_expected(bank: SmallBase) -> None:
    """Questions may be kept before their answer is published; publishing it makes them better."""
    plan = bank.importing.preview(
        write_lines(bank.folder / "d", [faq("fees", question="¿cuánto cobran?")]), publish=False
    )
    bank.importing.apply(plan, author="ana")
    _keep(bank, "¿cuánto cobran?", "fees")
    assert _grades(bank) == {"¿cuánto cobran?": "missed"}
    comparison = _preview(bank, faq("fees", question="¿cuánto cobran?"))
    assert comparison
    assert (comparison.worse, comparison.fell, len(comparison.better)) == ((), (), 1)


LINES = [
    {"query": "perdí mi tarjeta", "locale": "es-MX", "entry": "card-lost"},
    {"query": "elefante rosa", "locale": "es_mx", "entry": None, "note": "no vendemos", "source": "ignored"},
    {"query": "cuánto cobran", "locale": "es-MX", "entry": "fees"},
]


def test_a_file_is_kept_whole_and_again_without_a_change(bank: SmallBase, tmp_path: Path) -> None:
    """In the format of `kb evaluate`; FAQs that are not there yet are pointed out."""
    path = write_lines(tmp_path / "q.jsonl", ["", *LINES, LINES[0], ""])
    kept = bank.golden_keeping.import_file(path, "ana")
    assert (kept.counts(), kept.unknown_entries) == ({"added": 3, "changed": 0, "unchanged": 1}, ("fees",))
    before = bank.golden.all()
    assert {(q.query, q.locale, q.expected, q.note) for q in before} == {
        ("perdí mi tarjeta", "es-MX", "card-lost", None),
        ("elefante rosa", "es-MX", None, "no vendemos"),
        ("cuánto cobran", "es-MX", "fees", None),
    }
    assert bank.golden_keeping.import_file(path, "bea").counts() == {"added": 0, "changed": 0, "unchanged": 4}
    assert bank.golden.all() == before
    write_lines(path, [LINES[0] | {"entry": None}])
    assert bank.golden_keeping.import_file(path, "bea").counts() == {"added": 0, "changed": 1, "unchanged": 0}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 4 is not JSON"),
        ({"query": "x", "locale": "es-MX"}, "line 4: entry"),
        ({"query": "¿?", "locale": "es-MX", "entry": None}, "line 4: the query has no words"),
        ({"query": "x" * 5001, "locale": "es-MX", "entry": None}, "line 4: the query has 5001 characters"),
        ({"query": "x", "locale": "klingon", "entry": None}, "line 4: locale"),
        ({"query": "x", "locale": "en", "entry": "k" * 201}, "line 4: the entry has 201"),
        ('{"query": "x", "locale": "en", "entry": "\\ud800"}', "line 4: entry"),
        ({"query": "x", "locale": "en", "entry": None, "note": 7}, "line 4: note"),
        ({"query": "Perdi mi tarjeta", "locale": "es-MX", "entry": "balance"}, "line 4: line 1 asks the same"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_one_wrong_line_leaves_everything_as_it_was(bank: SmallBase, tmp_path: Path, line: Any, why: str) -> None:
    """It is named with its reason."""
    with pytest.raises(InvalidInput, match=why):
        bank.golden_keeping.import_file(write_lines(tmp_path / "q.jsonl", [*LINES, line]), "ana")
    assert bank.golden.count() == 0


def test_more_questions_than_allowed_are_refused(bank: SmallBase, tmp_path: Path) -> None:
    """The message names the setting."""
    path = write_lines(tmp_path / "q.jsonl", [LINES[1] | {"query": f"x{n}"} for n in range(1001)])
    with pytest.raises(InvalidInput, match="KB_MAX_IMPORT_ROWS"):
        bank.golden_keeping.import_file(path, "ana")


def test_a_removed_question_is_gone(bank: SmallBase) -> None:
    """A second removal finds nothing."""
    _keep(bank)
    (question,) = bank.golden.all()
    assert bank.golden_keeping.remove(question.id) == question
    assert bank.golden_keeping.remove(question.id) is None
    assert bank.golden.all() == []


def test_a_publication_that_spoils_a_question_is_noticed_before(bank: SmallBase) -> None:
    """The question is named with what it gets now and would get; nothing is written, and nothing is switched."""
    _keep(bank)
    _keep(bank, "elefante rosa", None)
    version = bank.store.current_version()
    comparison = _preview(bank, CARD_SPOILT)
    assert comparison
    assert comparison.before
    assert (comparison.questions, comparison.before.hit_at_1, comparison.after.hit_at_1) == (2, 1.0, 0.0)
    assert (comparison.fell, comparison.better) == (("accuracy", "coverage"), ())
    (shift,) = comparison.worse
    assert (shift.question.query, shift.before.outcome, shift.after.ranked[:1] == ("card-lost",)) == (
        "perdí mi tarjeta", "answer", False,
    )  # fmt: skip
    assert json.loads(json.dumps(comparison.facts())) == comparison.facts()
    assert bank.store.current_version() == version
    assert bank.golden.last_check() is None
    with bank.database.reading() as work:
        assert [r.number for r in work.content.latest("faq")] == [1, 1]


def test_the_candidate_is_what_the_publication_becomes(bank: SmallBase) -> None:
    """What was foretold is what the switch then records: the same questions, the same confidences."""
    _keep(bank)
    _keep(bank, "¿cómo consulto mi saldo?", "balance")
    foretold = _preview(bank, CARD_SPOILT, faq("new", question="perdí mi tarjeta ayer"))
    bank.publish(CARD_SPOILT, faq("new", question="perdí mi tarjeta ayer"))
    check = bank.golden.last_check()
    assert check
    assert foretold
    assert check.report == foretold.facts()
    assert (check.index_version, check.questions, check.worse) == (bank.store.current_version(), 2, 1)


def test_a_question_that_nothing_answered_and_now_something_does(bank: SmallBase) -> None:
    """Worse: nothing in the base answers it, says the curator."""
    _keep(bank, "elefante rosa", None)
    comparison = _preview(bank, faq("zoo", question="elefante rosa"))
    assert comparison
    assert [(shift.before.outcome != "answer", shift.after.outcome) for shift in comparison.worse] == [(True, "answer")]
    assert comparison.fell == ("precision",)


def test_the_candidate_is_built_once(bank: SmallBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many questions there are; its texts are not embedded again when they are published."""
    for number in range(5):
        _keep(bank, f"pregunta {number}", None)
    built, build = [], Snapshot.build
    monkeypatch.setattr(Snapshot, "build", lambda *a, **k: built.append(1) or build(*a, **k))
    _preview(bank, faq("new", question="algo nuevo"))
    assert len(built) == 1
    bank.encoder.asked.clear()
    bank.publish(faq("new", question="algo nuevo"))
    assert set(bank.encoder.asked) <= {"warm up"}


@pytest.mark.parametrize(
    ("lines", "publish", "rule"),
    [
        ([CARD_SPOILT], True, "off"),
        ([CARD_SPOILT], False, "warn"),
        ([macro("greeting")], True, "warn"),
        ([CARD], True, "block"),
    ],
    ids=["off", "drafts", "macros", "nothing new"],
)
def test_what_changes_no_answer_is_not_checked(bank: SmallBase, lines: list[Any], publish: bool, rule: Rule) -> None:
    """Nothing is built or embedded for it."""
    _keep(bank)
    assert _preview(bank, *lines, publish=publish, rule=rule) is None
    assert bank.encoder.asked == []


def test_without_golden_questions_nothing_is_done(bank: SmallBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """No candidate is built before a publication, nothing is embedded or stored after a switch."""
    monkeypatch.setattr(SyncIndex, "candidate", None)
    assert _preview(bank, CARD_SPOILT) is None
    assert bank.golden.standing() is None
    assert bank.golden.page().rows == ()
    bank.publish(CARD_SPOILT)
    assert bank.golden.last_check() is None
    assert not (bank.folder / "vectors" / "golden-questions").exists()


def test_an_index_that_lags_is_brought_up_to_date_first(bank: SmallBase) -> None:
    """So that nobody is told of what somebody else has published."""
    _keep(bank)
    bank.importing.apply(
        bank.importing.preview(write_lines(bank.folder / "x", [CARD_SPOILT]), publish=True), author="other"
    )
    comparison = _preview(bank, faq("new", question="algo nuevo"))
    assert comparison
    assert (comparison.worse, comparison.fell) == ((), ())
    check = bank.golden.last_check()
    assert check
    assert check.worse == 1


@pytest.mark.parametrize(
    ("rule", "accepted", "refused"),
    [("block", False, True), ("block", True, False), ("warn", False, False), ("off", False, False)],
)
def test_only_a_fall_that_nobody_accepted_is_refused(
    bank: SmallBase, rule: Rule, accepted: bool, refused: bool
) -> None:
    """And only where the setting says so; the sentence says what would fall."""
    _keep(bank)
    gate = PreviewPublication(bank.sync, bank.golden_check, rule)
    comparison = _preview(bank, CARD_SPOILT)
    refusal = gate.refusal(comparison, accepted=accepted)
    assert bool(refusal) == refused
    if refusal:
        assert refusal.startswith("accuracy and coverage on the golden questions would fall")
    assert gate.refusal(None, accepted=False) is None
    assert comparison
    assert gate.refusal(replace(comparison, fell=()), accepted=False) is None


def test_the_index_follows_what_is_published_and_says_what_that_did(bank: SmallBase) -> None:
    """The worker asks nobody: it switches, records, and the next good publication shows as better."""
    _keep(bank)
    bank.publish(CARD_SPOILT)
    assert _grades(bank) == {"perdí mi tarjeta": "missed"}
    bank.publish(CARD)
    check = bank.golden.last_check()
    assert check
    assert (check.worse, check.report["fell"], len(check.report["better"])) == (0, [], 1)
    assert _grades(bank) == {"perdí mi tarjeta": "right"}


def test_what_is_fitted_to_a_publication_is_part_of_what_it_did(bank: SmallBase) -> None:
    """The check is made again with the new parameters, against the index before the publication while it is there."""
    _keep(bank)
    before = bank.store.current_version()
    bank.publish(CARD_SPOILT)
    published = bank.golden.last_check()
    fitted = bank.sync.fit()
    check = bank.golden.last_check()
    assert published
    assert fitted
    assert check
    assert (published.compared_with, check.compared_with) == (before, before)
    assert (check.index_version, check.worse) == (fitted.version, 1)
    assert check.report["before"] == published.report["before"]
    bank.publish(CARD)
    assert bank.golden.last_check() != check
    with bank.database.reading() as work:
        last = work.golden.last_check()
    assert last
    assert last.compared_with == fitted.version


def test_an_earlier_index_that_is_gone_is_done_without(bank: SmallBase) -> None:
    """The fitted one is compared with the one it takes the place of."""
    _keep(bank)
    before = bank.store.current_version()
    bank.publish(CARD_SPOILT)
    shutil.rmtree(bank.folder / "index" / str(before))
    published = bank.store.current_version()
    fitted = bank.sync.fit()
    check = bank.golden.last_check()
    assert fitted
    assert check
    assert (check.compared_with, check.worse) == (published, 0)


def test_a_rebuild_is_compared_with_what_was_served(bank: SmallBase) -> None:
    """With the same encoder; another encoder's index cannot be asked the same."""
    _keep(bank)
    done = bank.sync.rebuild()
    assert done.golden
    assert (done.golden.worse, done.golden.before is not None) == ((), True)
    bank.encoder.revision = "2"
    done = bank.sync.rebuild()
    assert done.golden
    assert (done.golden.worse, done.golden.before) == ((), None)
    assert done.golden.after.hit_at_1 == 1.0


def test_a_check_that_fails_does_not_undo_the_switch(bank: SmallBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is new, and the worker does not think that it failed."""
    _keep(bank)

    def gone(*_: object) -> None:
        raise NotReady("the database does not answer")

    monkeypatch.setattr(CheckGoldenQuestions, "_record", gone)
    before = bank.store.current_version()
    bank.publish(CARD_SPOILT)
    assert bank.store.current_version() != before
    assert not bank.sync.is_needed()


def test_a_question_is_embedded_once(bank: SmallBase) -> None:
    """Whatever is published, and in another process too; a full disk makes it slower and nothing else."""
    _keep(bank)
    bank.golden.standing()
    assert bank.encoder.asked == ["perdí mi tarjeta"]
    bank.publish(CARD_SPOILT)
    bank.golden.standing()
    assert bank.encoder.asked.count("perdí mi tarjeta") == 1
    (bank.folder / "file").write_text("in the way")
    blocked = CheckGoldenQuestions(bank.database, lambda: bank.encoder, bank.folder / "file")
    judged = blocked.judge(bank.live.current().snapshot, bank.golden.all())
    assert judged == bank.golden_check.judge(bank.live.current().snapshot, bank.golden.all())


def test_the_standing_agrees_with_an_evaluation_of_the_same_questions(bank: SmallBase, tmp_path: Path) -> None:
    """`kb golden check` and `kb evaluate` cannot contradict each other."""
    path = write_lines(tmp_path / "q.jsonl", [*LINES, LINES[0] | {"query": "mi saldo 4111 1111 1111 1111"}])
    bank.golden_keeping.import_file(path, "ana")
    standing = bank.golden.standing()
    evaluated = EvaluateQuestions(bank.live, 1_000_000).run(path)
    assert standing
    assert replace(standing.measured, mrr=None) == replace(evaluated.report.overall, mrr=None)
    assert standing.measured == evaluate([row.result for row in standing.rows if row.result]).overall
    assert sum(standing.grades.values()) == len(standing.rows) == 4
    assert standing.index_version == bank.store.current_version()


def test_rows_are_read_by_entry_grade_and_page(bank: SmallBase) -> None:
    """Newest first, each once."""
    for number in range(5):
        _keep(bank, f"pregunta {number}", "balance")
    _keep(bank)
    assert [row.question.query for row in bank.golden.page(grade="right").rows] == ["perdí mi tarjeta"]
    first = bank.golden.page(entry="balance", limit=3)
    rest = bank.golden.page(entry="balance", limit=3, after=first.after)
    assert [row.question.query for page in (first, rest) for row in page.rows] == [
        f"pregunta {number}" for number in reversed(range(5))
    ]
    assert rest.after is None
    missed = bank.golden.page(grade="missed", limit=2)
    assert len(missed.rows) == 2
    assert len(bank.golden.page(grade="missed", after=missed.after).rows) == 3


def test_another_expectation_is_judged_at_once(bank: SmallBase) -> None:
    """Results are remembered for each index, not what was expected of them."""
    _keep(bank)
    assert _grades(bank) == {"perdí mi tarjeta": "right"}
    _keep(bank, expected="balance")
    assert _grades(bank) == {"perdí mi tarjeta": "wrong"}
    _keep(bank, expected=None)
    assert _grades(bank) == {"perdí mi tarjeta": "wrong"}


def test_before_there_is_an_index_questions_are_listed_without_results(small: SmallBase) -> None:
    """Nothing fails; their standing is not known."""
    _keep(small, "elefante rosa", None)
    (row,) = small.golden.page().rows
    assert (row.result, row.grade, row.first) == (None, None, ())
    assert small.golden.page(grade="right").rows == ()
    assert small.golden.titles(["card-lost"], "es-MX") == {} == small.golden.choices("es-MX")
    with pytest.raises(NotReady):
        small.golden.standing()


def test_the_first_publication_is_compared_with_an_empty_base(small: SmallBase) -> None:
    """Nothing was right before but leaving alone what nothing answers."""
    _keep(small, "elefante rosa", None)
    comparison = _preview(small, CARD)
    assert comparison
    assert (comparison.worse, comparison.fell) == ((), ())


def test_titles_are_in_the_readers_locale(bank: SmallBase) -> None:
    """Or by its fallback chain; too many entries are not offered for choosing."""
    bank.publish(faq("card-lost", "pt-BR", question="perdi meu cartão"))
    assert bank.golden.titles(["card-lost", "nothing"], "pt-BR") == {"card-lost": "perdi meu cartão"}
    assert list(bank.golden.choices("pt-BR").items()) == [
        ("balance", "¿Cómo consulto mi saldo?"), ("card-lost", "perdi meu cartão"),
    ]  # fmt: skip
    bank.publish(*[faq(f"entry-{number}") for number in range(500)])
    assert bank.golden.choices("pt-BR") == {}
