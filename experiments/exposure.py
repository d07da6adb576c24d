"""Who counts as exposed: units that an experiment could have treated differently, each in one arm.

The unit is whoever was randomised, the customer or, in tests of macros, the agent. It counts in the arm it was given,
whatever it did with it (intention to treat): an agent who ignores the suggested macro stays in the arm.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Self

from experiments.assignment import canonical
from experiments.checks import text
from experiments.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one reply showed to a unit, and what the same moment would have shown in other arms.

    `shown`: names what `arm` showed, such as an entry and its revision; None is nothing, a handover.
    `counterfactual`: the same for other arms; may include `arm`, if it agrees with `shown` (`InvalidInput` if not).
    """

    unit: str
    arm: str
    shown: str | None
    counterfactual: Mapping[str, str | None]

    def __post_init__(self) -> None:
        if self.counterfactual.get(self.arm, self.shown) != self.shown:
            raise InvalidInput(f"counterfactual.{self.arm}", "differs from what this very arm has shown")

    @property
    def triggered(self) -> bool:
        """Whether the arm could change what was shown; only then does the exposure say anything about the arms."""
        return any(other != self.shown for other in self.counterfactual.values())


@dataclass(frozen=True, slots=True)
class AnalysisSet:
    """The units to analyse, from triggered exposures; sets of days or shards may be merged in any order, even twice.

    `arms`: the arm of each unit. `several_arms`: the units left out because they were seen in more than one.
    """

    arms: Mapping[str, str]
    several_arms: frozenset[str]

    @classmethod
    def of(cls, exposures: Iterable[tuple[str, str]]) -> Self:
        """From (unit, arm) of every triggered exposure, in any order and as often as it happened.

        Units that differ only in Unicode form are one, as for `bucket`. Blank text is refused (`InvalidInput`).
        """
        arms: dict[str, str] = {}
        several = set()
        for place, (unit, arm) in enumerate(exposures):
            known = canonical(unit, f"exposures[{place}].unit")
            if arms.setdefault(known, text(arm, f"exposures[{place}].arm")) != arm:
                several.add(known)
        return cls(_except(several, arms.items()), frozenset(several))

    def merge(self, other: Self) -> Self:
        """The set of all exposures behind both."""
        differing = {unit for unit, arm in self.arms.items() if other.arms.get(unit, arm) != arm}
        several = self.several_arms | other.several_arms | differing
        return type(self)(_except(several, chain(self.arms.items(), other.arms.items())), several)

    def exposures(self, arms: Iterable[str]) -> dict[str, int]:
        """How many units each of `arms` has, in this order and with zeros: the `exposures` of an analysis.

        Give all arms of the allocation; a unit in any other is refused (`InvalidInput`).
        """
        units = Counter(self.arms.values())
        exposures = {arm: units.pop(arm, 0) for arm in arms}
        if units:
            raise InvalidInput(f"exposures.{min(units)}", "is no arm of the allocation")
        return exposures


def _except(several: set[str] | frozenset[str], arms: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {unit: arm for unit, arm in arms if unit not in several}
