"""What the tests of the formulas share."""

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(scope="module")
def as_in_a_report() -> Iterator[None]:
    """Runs a module's tests as `analysis.report` runs the formulas: what cannot be computed is NaN, not a warning."""
    with np.errstate(all="ignore"):
        yield
