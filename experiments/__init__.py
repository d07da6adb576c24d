"""Statistics and assignment of experiments: numpy and scipy only, no I/O, no Flask, no SQL.

`analyze` and `plan` take what a JSON document holds and return frozen results; `python -m experiments` is the same on a
command line, and can `simulate`. `assignment` puts units into arms, `aggregates` adds up sufficient statistics.
"""

from experiments.analysis import analyze
from experiments.errors import ExperimentError, InvalidInput
from experiments.planning import plan

__all__ = ["ExperimentError", "InvalidInput", "analyze", "plan"]
