"""Buckets against values that Perl computed, shares by chi-square, and ramp-ups that move nobody."""

import json
import math
import sys
import unicodedata
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.assignment import BUCKETS, Allocation, Layer, Shares, bucket, new_salt
from experiments.errors import AllocationChanged, InvalidInput

UNITS = [f"customer-{number}" for number in range(100_000)]
FEWER = UNITS[:30_000]
# Of fixed units and salts, so these tests pass always or never.
UNLIKELY = 1e-3

# perl -MUnicode::Normalize=NFC -MDigest::SHA=sha256_hex -MEncode -MMath::BigInt -e '... Math::BigInt->from_hex(
#   substr(sha256_hex(encode("UTF-8", NFC("$salt.$unit"))), 0, 16))->bmod(10000)'
GOLDEN = [
    ("salt", "unit", 6174),  # also: printf salt.unit | sha256sum
    ("salt", "Unit", 1797),
    ("salt", " unit ", 1286),
    ("salt", "1", 3204),
    ("salt", "2", 3302),
    ("other", "1", 9832),
    ("2024-greeting", "customer-42", 1057),
    ("salt", "0012345678901234567890", 4664),
    ("salt", "jos\u00e9", 530),
    ("salt", "jose\u0301", 530),
    ("s\u00e3o", "jo\u00e3o", 4356),
    ("sa\u0303o", "joa\u0303o", 4356),
    ("salt", "\u0301a", 7832),  # begins with an accent that combines with nothing
    ("salt", "\uac00", 8194),
    ("salt", "\u1100\u1161", 8194),
    ("salt", "\u212b", 2655),
    ("salt", "\U0001f600", 9010),
    ("salt", "\U0001f469\u200d\U0001f4bb", 8980),
    ("salt", "x" * 100_000, 6986),
    ("salt", "\u00f1" * 10_000, 1256),
]


def buckets(salt: str, units: list[str] = UNITS) -> np.ndarray:
    """The bucket of each unit."""
    return np.array([bucket(salt, unit) for unit in units])


def owned(shares: Shares) -> list[str | None]:
    """The owner of each bucket."""
    return [shares.owner(number) for number in range(BUCKETS)]


def arms_of(allocation: Allocation, salt: str) -> Counter[str | None]:
    """How many of the units each arm gets."""
    return Counter(allocation.arm(salt, unit) for unit in FEWER)


class TestBucket:
    @pytest.mark.parametrize(("salt", "unit", "expected"), GOLDEN)
    def test_is_frozen(self, salt: str, unit: str, expected: int) -> None:
        """No release may move a unit: these values are for ever."""
        assert bucket(salt, unit) == expected

    def test_is_uniform(self) -> None:
        """100,000 units spread over 10,000 buckets as chance would, neither worse nor suspiciously better."""
        counts = np.bincount(buckets("uniform"), minlength=BUCKETS)
        assert UNLIKELY < stats.chisquare(counts).pvalue < 1 - UNLIKELY

    def test_of_two_salts_are_independent(self) -> None:
        """Knowing the bucket under one salt says nothing about the bucket under another."""
        table, *_ = np.histogram2d(buckets("one", FEWER), buckets("two", FEWER), bins=20)
        assert UNLIKELY < stats.chi2_contingency(table).pvalue < 1 - UNLIKELY

    @pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u00a0"])
    def test_refuses_blank_text(self, blank: str) -> None:
        """An unknown customer is no unit: all of them would share one arm."""
        with pytest.raises(InvalidInput, match=r"^unit: must be a text that is not empty"):
            bucket("salt", blank)
        with pytest.raises(InvalidInput, match=r"^salt: must be a text that is not empty"):
            bucket(blank, "unit")

    @pytest.mark.parametrize("other", [None, 12, b"unit", 1.5, True, ["unit"]])
    def test_refuses_what_is_no_text(self, other: Any) -> None:
        """12 and "12" would be two units, so only text is one."""
        with pytest.raises(InvalidInput, match=r"^unit: must be a text"):
            bucket("salt", other)
        with pytest.raises(InvalidInput, match=r"^salt: must be a text"):
            bucket(other, "unit")

    @pytest.mark.parametrize("half", ["\ud83d", "ok \udc00", "\ud83d\ude00"])
    def test_refuses_lone_surrogates(self, half: str) -> None:
        """What has no UTF-8 has no hash; the error says which text and where."""
        with pytest.raises(InvalidInput, match=r"^unit: has half a character \(a lone surrogate\) at \d$"):
            bucket("salt", half)
        with pytest.raises(InvalidInput, match=r"^salt: has half a character"):
            bucket(half, "unit")

    def test_normalising_halves_normalises_the_whole(self) -> None:
        """No character combines with the full stop between salt and unit, so each may be normalised alone."""
        characters = [chr(number) for number in range(sys.maxunicode + 1)]
        normal = [unicodedata.normalize("NFC", character) for character in characters]
        assert [unicodedata.normalize("NFC", f".{character}.") for character in characters] == [
            f".{n}." for n in normal
        ]


class TestShares:
    @pytest.mark.parametrize(
        ("weights", "expected"),
        [
            ({"control": 0.5, "b": 0.5}, [5000, 5000]),
            ({"control": 1 / 3, "b": 1 / 3, "c": 1 / 3}, [3334, 3333, 3333]),
            ({"control": 2 / 3, "b": 1 / 3}, [6667, 3333]),
            ({"control": 0.07, "b": 0.29, "c": 0.64}, [700, 2900, 6400]),
            ({f"arm {number}": 0.05 for number in range(20)}, [500] * 20),
            ({f"arm {number}": 0.1 for number in range(10)}, [1000] * 10),
            ({f"arm {number}": 1 / 300 for number in range(300)}, [34] * 100 + [33] * 200),
            ({"control": 0.1, "b": 0.1}, [1000, 1000]),
            ({"control": 0.9, "b": 0.0001, "c": 0}, [9000, 1, 0]),
            ({"holdout": 0.02}, [200]),
            ({"nothing": 0.0}, [0]),
            ({}, []),
        ],
    )
    def test_are_rounded_by_largest_remainder(self, weights: dict[str, float], expected: list[int]) -> None:
        """Buckets are whole, add up, and ties go to those named first."""
        shares = Shares.of(weights)
        assert list(shares.weights) == list(weights)
        assert [round(share * BUCKETS) for share in shares.weights.values()] == expected
        assert [Counter(owned(shares))[name] for name in weights] == expected

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ({"a": 0.6, "b": 0.6}, r"^weights: must add up to at most 1, not 1.2$"),
            ({"a": -0.1, "b": 0.6}, r"^weights\.a: must be at least 0"),
            ({"a": 1.1}, r"^weights\.a: must be at most 1"),
            ({"a": math.nan}, r"^weights\.a: must be a finite number"),
            ({"a": "0.5"}, r"^weights\.a: must be a number"),
            ({"a": 0.00004}, r"^weights\.a: must be 0 or at least 0.0001, not 4e-05$"),
            ({" ": 0.5}, r"^weights: must be a text that is not empty"),
        ],
    )
    def test_refuse_weights_that_cannot_be(self, weights: dict[str, Any], message: str) -> None:
        """What is wrong is named, also when growing."""
        with pytest.raises(InvalidInput, match=message):
            Shares.of(weights)
        with pytest.raises(InvalidInput, match=message):
            Shares({}).grow(weights)

    @pytest.mark.parametrize(
        "data",
        [
            {"ranges": [["control", [[0, 5000]]], ["b", [[5000, 5100], [9000, 10_000]]], ["off", []]]},
            {"ranges": []},
        ],
    )
    def test_are_what_their_json_says(self, data: dict[str, Any]) -> None:
        """Stored and read back they are the same, order of names included."""
        shares = Shares.from_dict(json.loads(json.dumps(data)))
        assert shares.to_dict() == data
        assert Shares.from_dict(shares.to_dict()) == shares
        assert list(shares.ranges) == [name for name, _ in data["ranges"]]

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (None, r"^ranges: is missing$"),
            ({}, r"^ranges: is missing$"),
            ({"ranges": {"a": [[0, 1]]}}, r"^ranges: must be a list$"),
            ({"ranges": ["ab"]}, r"^ranges\[0\]: must be a list of 2 values$"),
            ({"ranges": [["a"]]}, r"^ranges\[0\]: must be a list of 2 values$"),
            ({"ranges": [[[], []]]}, r"^ranges\[0\]\[0\]: must be a text"),
            ({"ranges": [["", []]]}, r"^ranges\[0\]\[0\]: must be a text"),
            ({"ranges": [["a", []], ["a", [[0, 1]]]]}, r"^ranges\[1\]\[0\]: 'a' stands here for the second time$"),
            ({"ranges": [["a", 5]]}, r"^ranges\[0\]\[1\]: must be a list$"),
            ({"ranges": [["a", [5]]]}, r"^ranges\.a\[0\]: must be a list of 2 values$"),
            ({"ranges": [["a", [[0, 1, 2]]]]}, r"^ranges\.a\[0\]: must be a list of 2 values$"),
            ({"ranges": [["a", [[-1, 5]]]]}, r"^ranges\.a\[0\]\[0\]: must be at least 0"),
            ({"ranges": [["a", [[0, 1], [5, 5]]]]}, r"^ranges\.a\[1\]\[1\]: must be at least 6"),
            ({"ranges": [["a", [[9000, 10_001]]]]}, r"^ranges\.a\[0\]\[1\]: must be at most 10000"),
            ({"ranges": [["a", [[10_000, 10_001]]]]}, r"^ranges\.a\[0\]\[0\]: must be at most 9999"),
            ({"ranges": [["a", [["0", 5]]]]}, r"^ranges\.a\[0\]\[0\]: must be a number"),
            ({"ranges": [["a", [[0.5, 5]]]]}, r"^ranges\.a\[0\]\[0\]: must be a whole number"),
            ({"ranges": [["a", [[0, 9]]], ["b", [[8, 10]]]]}, r"^ranges\.b\[0\]: has buckets that 'a' already has$"),
            ({"ranges": [["a", [[0, 9], [3, 4]]]]}, r"^ranges\.a\[1\]: has buckets that 'a' already has$"),
        ],
    )
    def test_refuse_json_that_is_none_of_theirs(self, data: Any, message: str) -> None:
        """Overlaps, ranges out of range and other shapes are refused, with the place."""
        with pytest.raises(InvalidInput, match=message):
            Shares.from_dict(data)


class TestAllocation:
    @pytest.mark.parametrize(
        ("salt", "unit", "arm"),
        [
            ("salt", "jos\u00e9", "control"),
            ("salt", "jose\u0301", "control"),
            ("2024-greeting", "customer-42", "control"),
            ("salt", "1", "b"),
            ("salt", "0012345678901234567890", "b"),
            ("salt", "unit", "c"),
            ("salt", "\uac00", None),
            ("other", "1", None),
        ],
    )
    def test_gives_fixed_arms(self, salt: str, unit: str, arm: str | None) -> None:
        """The arms of the golden buckets, by the ranges themselves."""
        allocation = Allocation({"control": [(0, 3000)], "b": [(3000, 6000)], "c": [(6000, 8000)]})
        assert allocation.arm(salt, unit) == arm

    def test_gives_control_the_first_buckets(self) -> None:
        """What a half-and-half test looks like; with all units in it nothing is left over."""
        assert Allocation.of({"control": 0.5, "b": 0.5}).ranges == {"control": ((0, 5000),), "b": ((5000, 10_000),)}

    @pytest.mark.parametrize(
        "weights",
        [
            {"control": 0.5, "b": 0.5},
            {f"arm {number}": 0.05 for number in range(20)},
            {"control": 1 / 3, "b": 1 / 3, "c": 1 / 3},
            {"control": 0.02, "b": 0.9},
        ],
    )
    def test_gives_each_arm_its_share(self, weights: dict[str, float]) -> None:
        """Units spread over the arms, and outside, as the weights say."""
        allocation = Allocation.of(weights)
        expected: dict[str | None, float] = {**allocation.weights}
        if sum(weights.values()) < 0.99:
            expected[None] = 1 - sum(weights.values())
        observed = arms_of(allocation, "shares")
        assert observed.keys() == expected.keys()
        counts = [observed[arm] for arm in expected]
        assert stats.chisquare(counts, len(FEWER) * np.array(list(expected.values()))).pvalue > UNLIKELY

    @pytest.mark.parametrize("weights", [{}, {"control": 1.0}, {"control": 1.0, "b": 0.0}])
    def test_has_two_arms(self, weights: dict[str, float]) -> None:
        """With one arm there is nothing to compare."""
        with pytest.raises(InvalidInput, match=r"^arms: at least two need a share greater than 0$"):
            Allocation.of(weights)

    def test_ramps_up_without_gaps(self) -> None:
        """From 10 % over 50 % to everybody each arm stays one range, and every unit keeps its arm."""
        small = Allocation.of({"control": 0.05, "b": 0.05})
        middle = small.grow({"control": 0.25, "b": 0.25})
        whole = middle.grow({"control": 0.5, "b": 0.5})
        assert small.ranges == {"control": ((0, 500),), "b": ((5000, 5500),)}
        assert middle.ranges == {"control": ((0, 2500),), "b": ((5000, 7500),)}
        assert whole == Allocation.of({"control": 0.5, "b": 0.5})

    def test_grows_into_what_is_free_elsewhere(self) -> None:
        """An arm that meets its neighbour goes on behind it, and begins again at the first bucket after the last."""
        grown = Allocation.of({"control": 0.1, "b": 0.1}).grow({"control": 0.1, "b": 0.9})
        assert grown.ranges == {"control": ((0, 1000),), "b": ((1000, 10_000),)}
        grown = Allocation.of({"control": 0.1, "b": 0.1}).grow({"b": 0.1, "control": 0.7})
        assert grown.ranges == {"control": ((0, 5000), (6000, 8000)), "b": ((5000, 6000),)}

    def test_may_get_another_arm(self) -> None:
        """A new arm takes buckets that were nobody's."""
        grown = Allocation.of({"control": 0.2, "b": 0.2}).grow({"control": 0.2, "b": 0.2, "c": 0.2})
        assert grown.ranges == {"control": ((0, 2000),), "b": ((5000, 7000),), "c": ((2000, 4000),)}

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ({"control": 0.5, "b": 0.3}, r"^'b' has a share of 0.4 and would keep only 0.3: use another salt$"),
            ({"control": 0.6, "b": 0}, r"^'b' has a share of 0.4 and would keep only 0: use another salt$"),
            ({"control": 0.6}, r"^'b' has a share of 0.4 and would keep nothing: use another salt$"),
            ({"control": 0.3999, "b": 0.3997}, r"^'b' has a share of 0.4 and would keep only 0.3997"),
        ],
    )
    def test_never_shrinks(self, weights: dict[str, float], message: str) -> None:
        """A smaller share or a dropped arm would move units, so it is refused."""
        with pytest.raises(AllocationChanged, match=message):
            Allocation.of({"control": 0.4, "b": 0.4}).grow(weights)

    def test_never_drops_an_arm_without_share(self) -> None:
        """The names of an analysis stay the same even where nobody was."""
        with pytest.raises(AllocationChanged, match=r"^'c' has a share of 0 and would keep nothing"):
            Allocation.of({"control": 0.5, "b": 0.5, "c": 0}).grow({"control": 0.5, "b": 0.5})

    @settings(max_examples=40)
    @given(st.data())
    def test_moves_nobody_however_it_grows(self, data: st.DataObject) -> None:
        """Through any ramp-up no bucket changes its owner, no arm gets two buckets too many, JSON changes nothing."""
        arms = data.draw(st.integers(2, 12))
        parts = st.lists(st.integers(1, 1000), min_size=arms, max_size=arms)
        last = np.array(data.draw(parts), dtype=float)
        last = np.maximum(last / last.sum() * data.draw(st.floats(0.1, 1.0)), 1 / BUCKETS)
        steps = sorted(data.draw(st.lists(st.lists(st.floats(0, 1), min_size=arms, max_size=arms), max_size=4)))
        shares = np.sort([np.maximum(last * step, 1 / BUCKETS) for step in steps] + [last], axis=0)
        names = [f"arm {number}" for number in range(arms)]
        ramp = [dict(zip(names, step.tolist(), strict=True)) for step in shares]
        allocation = Allocation.of(ramp[0])
        for weights in ramp:
            before = owned(allocation)
            allocation = Allocation.from_dict(allocation.grow(weights).to_dict())
            after = owned(allocation)
            assert all(now == was for now, was in zip(after, before, strict=True) if was)
            excess = [(allocation.weights[arm] - weights[arm]) * BUCKETS for arm in names]
            assert -1.5 * arms < min(excess) <= max(excess) < 2
            assert allocation.grow(weights) == allocation

    @given(st.lists(st.integers(1, 1000), min_size=2, max_size=300), st.floats(0.3, 1.0))
    def test_rounds_to_neighbouring_buckets(self, parts: list[int], whole: float) -> None:
        """Every arm of a share gets at least one bucket and misses its weight by less than 1.5; together by half."""
        weights = {f"arm {place}": part / sum(parts) * whole for place, part in enumerate(parts)}
        if min(weights.values()) * BUCKETS < 1:
            return
        got = Allocation.of(weights).weights
        assert all(got[arm] > 0 and abs(got[arm] - weight) * BUCKETS < 1.5 for arm, weight in weights.items())
        assert abs(math.fsum(got.values()) - whole) * BUCKETS <= 0.5 + 1e-6


class TestLayer:
    LAYER = Layer("layer", Shares.of({"holdout": 0.02, "greeting": 0.49, "refunds": 0.49}))

    def test_puts_a_unit_into_one_experiment_at_most(self) -> None:
        """Each unit is in one of them, and the holdout is as large as it should be."""
        experiments = [self.LAYER.experiment(unit) for unit in FEWER]
        assert set(experiments) == {"holdout", "greeting", "refunds"}
        assert stats.binomtest(experiments.count("holdout"), len(FEWER), 0.02).pvalue > UNLIKELY

    def test_leaves_units_outside(self) -> None:
        """What no experiment has taken is in none."""
        layer = Layer("layer", Shares.of({"holdout": 0.02}))
        assert {layer.experiment(unit) for unit in UNITS[:1000]} == {None, "holdout"}

    def test_does_not_decide_the_arm(self) -> None:
        """Within an experiment of a layer, the experiment's own salt splits the units evenly, whatever their bucket."""
        allocation = Allocation.of({"control": 0.5, "b": 0.5})
        own = [unit for unit in FEWER if self.LAYER.experiment(unit) == "greeting"]
        is_control = np.array([allocation.arm("greeting salt", unit) == "control" for unit in own])
        table, *_ = np.histogram2d(buckets("layer", own), is_control, bins=(49, 2))
        assert UNLIKELY < stats.chi2_contingency(table).pvalue < 1 - UNLIKELY
        assert stats.binomtest(int(is_control.sum()), len(own)).pvalue > UNLIKELY

    def test_frees_the_buckets_of_what_ended(self) -> None:
        """The next experiment may take them; nobody else moves."""
        left = self.LAYER.without("greeting")
        assert left.experiments.weights == {"holdout": 0.02, "refunds": 0.49}
        following = left.experiments.grow({"holdout": 0.02, "refunds": 0.49, "farewell": 0.49})
        assert following.ranges["farewell"] == self.LAYER.experiments.ranges["greeting"]
        assert following.ranges["refunds"] == self.LAYER.experiments.ranges["refunds"]

    def test_refuses_to_free_what_it_does_not_have(self) -> None:
        """A wrong name is an error."""
        with pytest.raises(InvalidInput, match=r"^experiments\.farewell: is not in this layer$"):
            self.LAYER.without("farewell")

    def test_needs_a_salt(self) -> None:
        """A blank one is refused before any unit comes."""
        with pytest.raises(InvalidInput, match=r"^salt: "):
            Layer(" ", Shares({}))


def test_new_salts_differ() -> None:
    """Every salt is another one, and may be used at once."""
    assert len({new_salt() for _ in range(100)}) == 100
    assert 0 <= bucket(new_salt(), "unit") < BUCKETS
