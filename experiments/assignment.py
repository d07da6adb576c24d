"""Which arm a unit belongs to: a hash decides, nothing is stored, and a ramp-up moves nobody.

A unit is what is randomised and counted: the customer, or for tests of macros the agent, whose customers all stay with
the arm of the agent.
"""

import math
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from experiments.checks import count, number, text
from experiments.errors import AllocationChanged, InvalidInput

BUCKETS = 10_000
"""Every unit falls into one of so many buckets; shares are multiples of one bucket, 0.01 %."""

Range = tuple[int, int]
"""Buckets from the first number up to, not including, the second."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Rounding gives a name less than two buckets more than it asked for, so asking for two less is not asking to shrink.
_ROUNDED = 2


def canonical(value: Any, path: str) -> str:
    """`value` in Unicode form NFC, so that all spellings of "José" are one unit; `path` is for the error.

    Refuses (`InvalidInput`) what is no string, what is blank, and lone surrogates, which have no UTF-8.
    """
    normal = unicodedata.normalize("NFC", text(value, path))
    try:
        normal.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(path, f"has half a character (a lone surrogate) at {error.start}") from error
    return normal


def bucket(salt: str, unit: str) -> int:
    """The bucket of `unit`, 0 to 9,999: always the same for one salt, as if drawn anew for another.

    The first eight bytes, big-endian, of the SHA-256 of salt, full stop and unit in UTF-8 after NFC, modulo 10,000.
    Bad text as in `canonical`, at `salt` or `unit`.
    """
    # No mark combines with a full stop, so normalising the halves normalises the whole.
    seed = f"{canonical(salt, 'salt')}.{canonical(unit, 'unit')}"
    return int.from_bytes(sha256(seed.encode()).digest()[:8], "big") % BUCKETS


def new_salt() -> str:
    """A salt that nobody else has: 32 random hexadecimal digits."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Shares:
    """Names and the buckets that belong to each; no bucket belongs to two, and some may belong to none.

    `ranges`: for each name its ranges, none if its share is 0. The order of names is kept.
    """

    ranges: Mapping[str, Sequence[Range]]
    _owners: Sequence[str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ranges = {
            text(name, "ranges"): tuple(_range(one, f"ranges.{name}[{place}]") for place, one in enumerate(own))
            for name, own in self.ranges.items()
        }
        object.__setattr__(self, "ranges", ranges)
        object.__setattr__(self, "_owners", _owners(ranges))

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Self:
        """Shares of all units, by name; what they leave of 1 belongs to nobody.

        Rounded to buckets by largest remainder. Each name starts where it would with all shares scaled up to 1, so
        that it can grow without a gap. Refused (`InvalidInput`): weights below 0, more than 1 together, or so small
        that they are less than one bucket.
        """
        wanted = _wanted(weights)
        grown_up = _apportion(wanted, BUCKETS)
        return cls(_extended(dict.fromkeys(weights, ()), wanted, grown_up.cumsum() - grown_up))

    def grow(self, weights: Mapping[str, float]) -> Self:
        """With larger shares, or further names, from buckets that were nobody's; each bucket owned keeps its owner.

        `AllocationChanged` if a share would shrink or a name is missing; weights are refused as in `of`. Analyse the
        time before and after apart if shares grow by different factors: who came early is then spread differently.
        """
        wanted = dict(zip(weights, _wanted(weights), strict=True))
        for name, share in self.weights.items():
            if wanted.get(name, -math.inf) < share * BUCKETS - _ROUNDED:
                asked = f"only {weights[name]:g}" if name in weights else "nothing"
                raise AllocationChanged(f"{name!r} has a share of {share:g} and would keep {asked}: use another salt")
        held = {name: self.ranges.get(name, ()) for name in {**self.ranges, **weights}}
        ends = [own[-1][1] if own else 0 for own in held.values()]
        return type(self)(_extended(held, np.array([wanted[name] for name in held]), ends))

    def owner(self, bucket: int) -> str | None:
        """The name that `bucket`, 0 to 9,999, belongs to; None if it is nobody's."""
        return self._owners[bucket]

    @property
    def weights(self) -> dict[str, float]:
        """The share of all units each name really has, in [0, 1]: what was asked for, rounded to buckets."""
        return {name: sum(end - start for start, end in own) / BUCKETS for name, own in self.ranges.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON types; in lists, because a database may sort the keys of objects and the first arm is the control."""
        return {"ranges": [[name, [list(one) for one in own]] for name, own in self.ranges.items()]}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """What `to_dict` made; `InvalidInput` for anything else, such as overlaps or ranges out of range."""
        if not isinstance(data, Mapping) or "ranges" not in data:
            raise InvalidInput("ranges", "is missing")
        ranges: dict[str, Sequence[Range]] = {}
        for place, share in enumerate(_items(data["ranges"], "ranges")):
            name, own = _items(share, f"ranges[{place}]", 2)
            if text(name, f"ranges[{place}][0]") in ranges:
                raise InvalidInput(f"ranges[{place}][0]", f"{name!r} stands here for the second time")
            ranges[name] = _items(own, f"ranges[{place}][1]")
        return cls(ranges)


class Allocation(Shares):
    """The arms of one experiment, the control first; a unit in nobody's bucket is not in the experiment.

    At least two arms have a share; `InvalidInput` otherwise.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(bool(own) for own in self.ranges.values()) < 2:
            raise InvalidInput("arms", "at least two need a share greater than 0")

    def arm(self, salt: str, unit: str) -> str | None:
        """The arm of `unit` in the experiment with this salt; None if it is not in the experiment."""
        return self.owner(bucket(salt, unit))


@dataclass(frozen=True)
class Layer:
    """Experiments that exclude each other: a unit is in at most one of them.

    The layer only says which experiment; the arm is then drawn with that experiment's own salt, which must differ from
    the layer's (`new_salt` sees to it), or the experiment's share of the layer would decide the arm too. A holdout,
    who shall see no experiment at all, is an entry that never ends. `experiments` may grow like an allocation.
    """

    salt: str
    experiments: Shares

    def __post_init__(self) -> None:
        canonical(self.salt, "salt")

    def experiment(self, unit: str) -> str | None:
        """The experiment that `unit` may be in; None if it is in none of the layer."""
        return self.experiments.owner(bucket(self.salt, unit))

    def without(self, ended: str) -> Self:
        """The layer with the buckets of `ended` free for others; `InvalidInput` if there is no such experiment."""
        if ended not in self.experiments.ranges:
            raise InvalidInput(f"experiments.{ended}", "is not in this layer")
        ranges = {name: own for name, own in self.experiments.ranges.items() if name != ended}
        return replace(self, experiments=Shares(ranges))


def _items(value: Any, path: str, length: int | None = None) -> Sequence[Any]:
    """A list, or what JSON makes one, of so many values if `length` is given."""
    if not isinstance(value, list | tuple) or length not in (None, len(value)):
        raise InvalidInput(path, "must be a list" if length is None else f"must be a list of {length} values")
    return value


def _range(value: Any, path: str) -> Range:
    first, last = _items(value, path, 2)
    start = count(first, f"{path}[0]", most=BUCKETS - 1)
    return start, count(last, f"{path}[1]", least=start + 1, most=BUCKETS)


def _owners(ranges: Mapping[str, Sequence[Range]]) -> list[str | None]:
    """The name of each bucket's owner."""
    owners: list[str | None] = [None] * BUCKETS
    for name, own in ranges.items():
        for place, (start, end) in enumerate(own):
            if other := next(filter(None, owners[start:end]), None):
                raise InvalidInput(f"ranges.{name}[{place}]", f"has buckets that {other!r} already has")
            owners[start:end] = [name] * (end - start)
    return owners


def _wanted(weights: Mapping[str, float]) -> Floats:
    """How many buckets `weights` ask for, not rounded."""
    shares = [number(weight, f"weights.{text(name, 'weights')}", least=0, most=1) for name, weight in weights.items()]
    for name, share in zip(weights, shares, strict=True):
        if 0 < share * BUCKETS < 1:
            raise InvalidInput(f"weights.{name}", f"must be 0 or at least {1 / BUCKETS:g}, not {share:g}")
    if (whole := math.fsum(shares)) > 1 + 1e-9:
        raise InvalidInput("weights", f"must add up to at most 1, not {whole:g}")
    return BUCKETS * np.array(shares)


def _apportion(claims: Floats, total: int) -> Integers:
    """(claims,) whole numbers in proportion to `claims` that add up to `total`, by largest remainder; ties go first."""
    if total <= 0 or not claims.any():
        return np.zeros(len(claims), dtype=np.int64)
    quotas = np.round(claims * (total / claims.sum()), 6)  # 1000.0000000000001 has no remainder
    whole: Integers = np.floor(quotas).astype(np.int64)
    largest = np.argsort(np.round(whole - quotas, 6), kind="stable")
    whole[largest[: total - whole.sum()]] += 1
    return whole


def _extended(
    held: Mapping[str, Sequence[Range]], wanted: Floats, starts: Iterable[int]
) -> dict[str, tuple[Range, ...]]:
    """The ranges after giving every name what it lacks of `wanted`: the first buckets from its start that are free.

    Those of whom rounding gave too much keep it, and the others share what is left.
    """
    numbers = [np.array([one for span in own for one in range(*span)], dtype=np.int64) for own in held.values()]
    sizes = np.array([len(own) for own in numbers])
    more = _apportion(np.maximum(wanted - sizes, 0.0), round(wanted.sum()) - int(sizes.sum()))
    free = np.array([one for one, owner in enumerate(_owners(held)) if owner is None], dtype=np.int64)
    ranges = {}
    for name, own, start, lacking in zip(held, numbers, starts, more, strict=True):
        taken = free.take(np.searchsorted(free, start) + np.arange(lacking), mode="wrap")
        free = np.setdiff1d(free, taken, assume_unique=True)
        ranges[name] = _ranges(np.union1d(own, taken))
    return ranges


def _ranges(buckets: Integers) -> tuple[Range, ...]:
    """The ranges that hold exactly these buckets, which are in order."""
    runs = np.split(buckets, np.flatnonzero(np.diff(buckets) > 1) + 1)
    return tuple((int(run[0]), int(run[-1]) + 1) for run in runs if len(run))
