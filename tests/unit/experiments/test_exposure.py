"""Who counts as exposed, against sets of pairs counted the slow way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment import Allocation
from experiments.errors import InvalidInput
from experiments.exposure import AnalysisSet, Exposure

EXPOSURES = st.lists(st.tuples(st.sampled_from("uvwxyz"), st.sampled_from(["control", "b", "c"])), max_size=20)


class TestExposure:
    @pytest.mark.parametrize(
        ("shown", "counterfactual", "triggered"),
        [
            ("refunds@3", {"b": "refunds@4"}, True),
            ("refunds@3", {"b": "refunds@3"}, False),
            ("refunds@3", {"b": "refunds@3", "c": "returns@1"}, True),
            ("refunds@3", {"b": None}, True),
            (None, {"b": "refunds@3"}, True),
            (None, {"b": None}, False),
            ("refunds@3", {}, False),
            ("refunds@3", {"control": "refunds@3", "b": "refunds@3"}, False),
        ],
    )
    def test_is_triggered_where_another_arm_shows_something_else(
        self, shown: str | None, counterfactual: dict[str, str | None], triggered: bool
    ) -> None:
        """Showing nothing is showing something else too."""
        assert Exposure("customer", "control", shown, counterfactual).triggered is triggered

    def test_agrees_with_itself(self) -> None:
        """What the own arm would have shown is what it has shown."""
        with pytest.raises(InvalidInput, match=r"^counterfactual\.b: differs from what this very arm has shown$"):
            Exposure("customer", "b", "refunds@3", {"control": "refunds@3", "b": "refunds@4"})


class TestAnalysisSet:
    def test_counts_units_rather_than_events(self) -> None:
        """A customer who asks five times is one customer."""
        exposed = AnalysisSet.of([("ana", "b"), ("joão", "control")] + [("ana", "b")] * 4)
        assert exposed.arms == {"ana": "b", "joão": "control"}
        assert exposed.exposures(["control", "b"]) == {"control": 1, "b": 1}
        assert not exposed.several_arms

    def test_leaves_out_units_of_several_arms(self) -> None:
        """Whoever saw two arms counts in none, and is counted apart."""
        exposed = AnalysisSet.of([("ana", "b"), ("eva", "b"), ("ana", "control"), ("ana", "b")])
        assert exposed.arms == {"eva": "b"}
        assert exposed.several_arms == {"ana"}

    def test_sees_one_unit_in_all_spellings(self) -> None:
        """Unicode forms of one name have one arm, so they are one unit."""
        assert AnalysisSet.of([("jos\u00e9", "b"), ("jose\u0301", "b")]).exposures(["b"]) == {"b": 1}

    def test_has_every_arm_of_the_allocation_in_its_order(self) -> None:
        """The counts are the `exposures` of an analysis: the control first, arms that nobody saw with 0."""
        allocation = Allocation.of({"control": 0.5, "b": 0.3, "c": 0.2})
        exposures = AnalysisSet.of([("ana", "c"), ("eva", "control")]).exposures(allocation.weights)
        assert list(exposures.items()) == [("control", 1), ("b", 0), ("c", 1)]

    def test_refuses_unknown_arms(self) -> None:
        """Units of an arm that the allocation does not have are not dropped in silence."""
        with pytest.raises(InvalidInput, match=r"^exposures\.c: is no arm of the allocation$"):
            AnalysisSet.of([("ana", "d"), ("eva", "c")]).exposures(["control", "b"])

    @pytest.mark.parametrize(
        ("exposure", "path"),
        [(("", "b"), "unit"), ((None, "b"), "unit"), (("\ud800", "b"), "unit"), (("ana", ""), "arm")],
    )
    def test_refuses_blank_text(self, exposure: Any, path: str) -> None:
        """The error names the exposure."""
        with pytest.raises(InvalidInput, match=rf"^exposures\[1\]\.{path}: "):
            AnalysisSet.of([("eva", "b"), exposure])

    @given(EXPOSURES)
    def test_is_what_sets_of_pairs_say(self, exposures: list[tuple[str, str]]) -> None:
        """Units of exactly one pair are in, all others of any pair are out."""
        arms = {unit: {arm for other, arm in exposures if other == unit} for unit, _ in exposures}
        exposed = AnalysisSet.of(exposures)
        assert exposed.arms == {unit: min(own) for unit, own in arms.items() if len(own) == 1}
        assert exposed.several_arms == {unit for unit, own in arms.items() if len(own) > 1}
        counts = exposed.exposures(["control", "b", "c"])
        assert sum(counts.values()) + len(exposed.several_arms) == len(arms)

    @given(st.lists(EXPOSURES, min_size=1, max_size=4), st.randoms(use_true_random=False))
    def test_merges_in_any_order_and_even_twice(self, days: list[list[tuple[str, str]]], random: Any) -> None:
        """Days and shards merged are as good as all their exposures at once."""
        whole = AnalysisSet.of(exposure for day in days for exposure in day)
        parts = [AnalysisSet.of(day) for day in [*days, days[0]]]
        random.shuffle(parts)
        merged = AnalysisSet.of([])
        for part in parts:
            merged = merged.merge(part)
        assert merged == whole
