"""Overlaps against Python sets and exact fractions, and the cases at the edge."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import InvalidInput
from experiments.interference import NONE, Interference, Overlap, Questions, overlap, shared_entries, warnings

Asked = Mapping[str, tuple[frozenset[str], int]]

ENTRIES = st.frozensets(st.sampled_from("abcdefgh"), max_size=4)
ASKED = st.dictionaries(st.text("pqrs", min_size=1, max_size=3), st.tuples(ENTRIES, st.integers(0, 9)), max_size=12)
SHARE = st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0])

# Refunds are asked about 10 times, returns compete in 4 of them and in 1 more; nobody ever found the farewell.
SHOP: Asked = {
    "where is my money": (frozenset({"refunds"}), 6),
    "money back": (frozenset({"refunds", "returns"}), 3),
    "send back": (frozenset({"refunds", "returns", "shipping"}), 1),
    "return it": (frozenset({"returns"}), 1),
    "parcel": (frozenset({"shipping"}), 99),
    "bye": (frozenset({"farewell", "refunds"}), 0),
    "nonsense": (frozenset(), 50),
}


def slow_overlap(asked: Asked, first: frozenset[str], second: frozenset[str]) -> Overlap:
    """The definition, in sets."""
    of_first, of_second = (
        {question for question, (entries, times) in asked.items() if entries & one and times} for one in (first, second)
    )
    shared = of_first & of_second

    def share(own: set[str]) -> float:
        whole = sum(asked[question][1] for question in own)
        return float(Fraction(sum(asked[question][1] for question in shared), whole)) if whole else 0.0

    return Overlap(share(of_first), share(of_second), len(shared))


class TestOverlap:
    def test_is_the_share_of_times_asked(self) -> None:
        """Refunds meet returns in 4 of 10 times; returns meet refunds in 4 of 5: the larger share counts."""
        shared = overlap(Questions.of(SHOP), {"refunds"}, {"returns"})
        assert shared == Overlap(0.4, 0.8, 2)
        assert shared.largest == 0.8

    def test_of_sets_counts_each_question_once(self) -> None:
        """A question with two candidates of a set is one question, asked as often as it was."""
        shared = overlap(Questions.of(SHOP), {"refunds", "returns"}, {"shipping"})
        assert shared == Overlap(1 / 11, 1 / 100, 1)

    def test_with_itself_is_complete(self) -> None:
        """Nothing competes more than the same."""
        assert overlap(Questions.of(SHOP), {"refunds"}, {"refunds"}) == Overlap(1.0, 1.0, 3)

    @pytest.mark.parametrize("other", [{"farewell"}, {"unknown"}, set()])
    def test_is_nothing_where_nobody_asked(self, other: set[str]) -> None:
        """Entries never asked for, unknown ones and no entries at all disturb nobody."""
        assert overlap(Questions.of(SHOP), {"refunds"}, other) == NONE
        assert overlap(Questions.of(SHOP), other, {"refunds"}) == NONE
        assert overlap(Questions.of(SHOP), other, other) == NONE

    def test_is_nothing_without_questions(self) -> None:
        """A new base has no traffic to share."""
        assert overlap(Questions.of({}), {"refunds"}, {"refunds"}) == NONE

    @given(ASKED, ENTRIES, ENTRIES)
    def test_is_what_sets_say(self, asked: Asked, first: frozenset[str], second: frozenset[str]) -> None:
        """To the last digit; and the other way round it is the mirror image."""
        questions = Questions.of(asked)
        shared = overlap(questions, first, second)
        assert shared == slow_overlap(asked, first, second)
        assert overlap(questions, second, first) == Overlap(shared.of_second, shared.of_first, shared.questions)

    @pytest.mark.parametrize("times", [-1, 1.5, float("nan"), "3"])
    def test_needs_whole_numbers_of_times(self, times: int) -> None:
        """The error names the question."""
        with pytest.raises(InvalidInput, match=r"^questions\.bye: must be "):
            Questions.of({"bye": (frozenset(), times)})


class TestSharedEntries:
    def test_lists_pairs_above_the_threshold_largest_first(self) -> None:
        """Shipping meets returns in 1 of 5 times and refunds in 1 of 10, hardly noticing."""
        shared = shared_entries(Questions.of(SHOP))
        assert list(shared.items()) == [
            (("refunds", "returns"), Overlap(0.4, 0.8, 2)),
            (("returns", "shipping"), Overlap(0.2, 0.01, 1)),
            (("refunds", "shipping"), Overlap(0.1, 0.01, 1)),
        ]

    def test_leaves_out_what_is_exactly_at_the_threshold(self) -> None:
        """Only what is above is listed."""
        assert list(shared_entries(Questions.of(SHOP), 0.2)) == [("refunds", "returns")]

    def test_is_empty_without_questions(self) -> None:
        """No traffic, no pairs."""
        assert shared_entries(Questions.of({})) == {}

    @given(ASKED, SHARE)
    def test_is_what_sets_say(self, asked: Asked, threshold: float) -> None:
        """Exactly the pairs above the threshold, each with its overlap."""
        entries = sorted({entry for candidates, _ in asked.values() for entry in candidates})
        slow = {(a, b): slow_overlap(asked, frozenset(a), frozenset(b)) for a, b in combinations(entries, 2)}
        shared = shared_entries(Questions.of(asked), threshold)
        assert shared == {pair: measured for pair, measured in slow.items() if measured.largest > threshold}
        assert list(shared) == sorted(shared, key=lambda pair: (-shared[pair].largest, pair))

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.1"])
    def test_needs_a_share_as_threshold(self, threshold: float) -> None:
        """Both functions that take one refuse others."""
        with pytest.raises(InvalidInput, match=r"^threshold: "):
            shared_entries(Questions.of(SHOP), threshold)
        with pytest.raises(InvalidInput, match=r"^threshold: "):
            warnings({}, Questions.of(SHOP), threshold)

    def test_copes_with_a_large_base(self) -> None:
        """2,000 entries, 40,000 questions with up to five candidates of one topic: the pairs are those of topics."""
        rng = np.random.default_rng(1)
        candidates = rng.integers(0, 200, 40_000)[:, None] * 10 + rng.integers(0, 10, (40_000, 5))
        names = [f"{number:04}" for number in range(2000)]
        rows = [frozenset(map(names.__getitem__, row)) for row in candidates.tolist()]
        shared = shared_entries(Questions.of({str(place): (row, 1) for place, row in enumerate(rows)}))
        assert len(shared) == 200 * 45
        pair = ("0010", "0011")
        both = sum(row.issuperset(pair) for row in rows)
        assert shared[pair].questions == both
        assert shared[pair].of_first == both / sum(pair[0] in row for row in rows)


class TestWarnings:
    EXPERIMENTS: Mapping[str, frozenset[str]] = {
        "money": frozenset({"refunds"}),
        "parcels": frozenset({"shipping", "farewell"}),
        "goods": frozenset({"returns"}),
        "goodbye": frozenset({"farewell"}),
    }

    def test_name_the_pairs_that_disturb_each_other(self) -> None:
        """Shared questions above the threshold, or the very same entry even if nobody asked for it."""
        assert warnings(self.EXPERIMENTS, Questions.of(SHOP), 0.15) == [
            Interference("money", "goods", Overlap(0.4, 0.8, 2), ()),
            Interference("parcels", "goods", Overlap(0.01, 0.2, 1), ()),
            Interference("parcels", "goodbye", NONE, ("farewell",)),
        ]

    def test_need_two_experiments(self) -> None:
        """One alone, or none, disturbs nobody."""
        assert warnings({"money": frozenset({"refunds"})}, Questions.of(SHOP)) == []
        assert warnings({}, Questions.of(SHOP)) == []

    @given(ASKED, st.dictionaries(st.sampled_from("12345"), ENTRIES), SHARE)
    def test_are_what_sets_say(self, asked: Asked, experiments: dict[str, frozenset[str]], threshold: float) -> None:
        """Every pair is judged, in the order of the experiments."""
        slow = [
            Interference(a, b, slow_overlap(asked, own, other), tuple(sorted(own & other)))
            for (a, own), (b, other) in combinations(experiments.items(), 2)
        ]
        expected = [pair for pair in slow if pair.same_entries or pair.overlap.largest > threshold]
        assert warnings(experiments, Questions.of(asked), threshold) == expected
