"""Which known word a misspelt one stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from indexer._lexical_typos import Spellings

# Few letters, so that many words are near each other.
WORD = st.text("abcñ漢", min_size=1, max_size=10)
KNOWN = st.lists(st.tuples(WORD, st.integers(0, 3)), max_size=30, unique_by=lambda pair: pair[0])


@given(KNOWN, WORD)
def test_the_nearest_word_is_found_and_of_equally_near_ones_the_most_common(
    known: list[tuple[str, int]], word: str
) -> None:
    """As comparing with every word finds it: one edit from 4 letters on, two from 8, none before."""
    allowed = 2 if len(word) >= 8 else 1 if len(word) >= 4 else 0
    near = [(OSA.distance(word, other), -common) for other, common in known]
    spellings = Spellings([other for other, _ in known], np.array([common for _, common in known], dtype=np.int64))
    found = spellings.nearest(word)
    if not allowed or not near or min(near)[0] > allowed:
        assert found is None
    else:
        assert near[found] == min(near)


@pytest.mark.parametrize(
    "typo", ["targeta", "tarjta", "tarrjeta", "tarjetaa", "atrjeta", "tarejta", "arjeta", "tarjet", "yarjeta"]
)
def test_one_slip_of_the_fingers_is_one_edit(typo: str) -> None:
    """A letter replaced, left out, doubled, added, or swapped with its neighbour, at any place."""
    assert Spellings(["cuenta", "tarjeta"], np.array([9, 1])).nearest(typo) == 1


def test_what_holds_digits_is_no_typo() -> None:
    """Codes and amounts differ in one digit on purpose."""
    assert Spellings(["codigo", "abcde"], np.array([1, 1])).nearest("codig0") is None
