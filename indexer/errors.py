"""What can go wrong inside `indexer`. Every error it raises on purpose is an `IndexerError`."""


class IndexerError(Exception):
    """Root of the package's errors; `str()` of any of them is one line an operator can act on."""


class EncoderUnavailable(IndexerError):
    """The named encoder cannot be loaded: unknown name, missing package or failed download."""


class EncoderMismatch(IndexerError):
    """The snapshot's vectors come from another encoder (or other weights) than the one that is running."""

    def __init__(self, snapshot_encoder: str, running_encoder: str) -> None:
        super().__init__(
            f"the index was built with encoder {snapshot_encoder} but {running_encoder} is running; "
            "build it again with `kb index rebuild`"
        )
        self.snapshot_encoder = snapshot_encoder
        self.running_encoder = running_encoder


class SnapshotMissing(IndexerError):
    """There is no snapshot, or not the version that was asked for."""


class SnapshotDamaged(IndexerError):
    """A snapshot's file is missing, unreadable or not what its manifest says."""

    def __init__(self, version: str, file: str, reason: str) -> None:
        super().__init__(f"index version {version} is damaged: {file}: {reason}")
        self.version = version
        self.file = file
        self.reason = reason


class StoreBusy(IndexerError):
    """Another process held the writer's lock for the whole timeout."""


class TooFewQuestions(IndexerError):
    """There are too few questions to tell a better encoder from a worse one."""
