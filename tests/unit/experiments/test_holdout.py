"""What automatic replies avoid, against tea-tasting's ratio of means."""

import numpy as np
import pytest
import tea_tasting

from experiments.holdout import PER, causal_effect
from experiments.ratios import RatioArm
from tests.unit.experiments.oracles import assert_close, column, generator
from tests.unit.experiments.test_ratios import aggregates, random_units, ratio_arm

pytestmark = pytest.mark.usefixtures("as_in_a_report")


def test_agrees_with_tea_tasting() -> None:
    """Contacts per 1,000 messages of those held out minus those served, with interval and p-value, on 200 pairs."""
    rng = generator(1)
    held, served = ([random_units(rng) for _ in range(200)] for _ in range(2))
    metric = tea_tasting.RatioOfMeans("contacts", "messages", use_t=True, equal_var=False, confidence_level=0.95)
    found = [metric.analyze_aggregates(aggregates(s), aggregates(h)) for h, s in zip(held, served, strict=True)]
    effect = causal_effect(ratio_arm(held), ratio_arm(served), 0.05)
    assert_close(effect.without, [1000 * one.treatment for one in found])
    assert_close(effect.with_replies, [1000 * one.control for one in found])
    assert_close(effect.avoided, [1000 * one.effect_size for one in found], absolute=1e-9)
    assert_close(effect.avoided_low, [1000 * one.effect_size_ci_lower for one in found], absolute=1e-7)
    assert_close(effect.avoided_high, [1000 * one.effect_size_ci_upper for one in found], absolute=1e-7)
    assert_close(effect.p_value, [one.pvalue for one in found])


def test_fewer_contacts_with_replies_are_a_positive_effect() -> None:
    """500 contacts per 1,000 messages without, 300 with: 200 avoided; exchanged, minus 200."""
    held, served = (RatioArm(*map(column, (400, mean, 2, 0.5, 0.8, 0.1))) for mean in (1.0, 0.6))
    effect, turned = causal_effect(held, served, 0.05), causal_effect(served, held, 0.05)
    assert_close((effect.without[0], effect.with_replies[0], effect.avoided[0]), (500, 300, 200), 1e-12)
    assert effect.avoided_low[0] > 0
    assert_close((turned.avoided_low[0], turned.avoided_high[0]), (-effect.avoided_high[0], -effect.avoided_low[0]))
    assert PER == 1000


def test_a_group_without_messages_has_no_effect_to_show() -> None:
    """No messages, or one customer: NaN instead of an interval."""
    held = RatioArm(*map(column, (400, 1, 2, 0.5, 0.8, 0.1)))
    for poor in (RatioArm(*map(column, (9, 0, 0, 0, 0, 0))), RatioArm(*map(column, (1, 1, 2, 0, 0, 0)))):
        effect = causal_effect(held, poor, 0.05)
        assert np.isnan([effect.avoided_low, effect.avoided_high, effect.p_value]).all()
