"""Export content in the native format, so that it imports again to the same revisions."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

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
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with partial.open("w", encoding="utf-8") as file:
                for line in self.lines(published=published):
                    file.write(line + "\n")
                    number += 1
            partial.replace(path)
        except OSError as error:
            raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                partial.unlink()
        return number

    def lines(self, *, published: bool) -> Iterator[str]:
        """The export, a line at a time."""
        with self._database.reading() as work:
            for revision in work.content.published() if published else work.content.latest():
                yield json.dumps(format_line(revision), ensure_ascii=False)
