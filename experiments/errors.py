"""What can go wrong inside `experiments`. Every error it raises on purpose is an `ExperimentError`."""


class ExperimentError(Exception):
    """Root of the package's errors; `str()` of any of them is one line its reader can act on."""


class InvalidInput(ExperimentError):
    """A value that cannot be true, and where it stands, such as `metrics[0].arms.b.n`; "" is the whole document."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or 'the document'}: {reason}")
        self.path = path
        self.reason = reason

    def inside(self, place: str) -> "InvalidInput":
        """The same error where the value it names stands inside `place`."""
        return InvalidInput(f"{place}.{self.path}" if self.path else place, self.reason)


class AllocationChanged(ExperimentError):
    """New weights would move units that already have an arm; start again with another salt to re-randomise."""
