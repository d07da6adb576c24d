"""Export content in the native format, so that it imports again to the same revisions."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from kb_service.errors import InvalidInput
from kb_service.services.native_format import format_line
from kb_service.storage.database import Database


class ExportContent:
    """Writes entries as JSON Lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def to_file(self, path: Path, *, published: bool = False) -> int:
        """Write the newest revisions (or the live ones) and return their number; a failure leaves no half file."""
        number = 0
        try:
            with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
                for line in self.lines(published=published):
                    file.write(line + "\n")
                    number += 1
            Path(file.name).replace(path)
        except OSError as error:
            raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
        return number

    def lines(self, *, published: bool) -> Iterator[str]:
        """The export, a line at a time."""
        with self._database.reading() as work:
            for revision in work.content.published() if published else work.content.latest():
                yield json.dumps(format_line(revision), ensure_ascii=False)
