"""Statistics and assignment of experiments: numpy and scipy only, no I/O, no Flask, no SQL."""
