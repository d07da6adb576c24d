"""Files of labelled questions, for `kb evaluate` and `kb golden import`: one JSON object a line."""

import json
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, StringConstraints, ValidationError

from kb_service.errors import InvalidInput
from kb_service.services.import_content import read_text
from kb_service.services.native_format import LocaleName, Text, describe, storable

MAX_NOTE = 500
Note = Annotated[StrictStr, StringConstraints(strip_whitespace=True, max_length=MAX_NOTE), AfterValidator(storable)]


class LabelledQuestion(BaseModel):
    """One line of a file of labelled questions; `entry` is null where nothing in the base answers."""

    model_config = ConfigDict(extra="ignore")

    query: Text
    locale: LocaleName
    entry: Annotated[StrictStr | None, Field(...), AfterValidator(lambda key: key if key is None else storable(key))]


class NotedQuestion(LabelledQuestion):
    """A labelled question with a word on why it is one."""

    note: Note | None = None


Line = TypeVar("Line", bound=LabelledQuestion)


def read_questions(path: Path, max_bytes: int, form: type[Line]) -> dict[int, Line]:
    """The file's questions by line number; InvalidInput names the first line that is not one."""
    lines = enumerate(read_text(path, max_bytes).split("\n"), 1)
    questions = {number: _question(line, number, form) for number, line in lines if line.strip()}
    if not questions:
        raise InvalidInput(f"{path} holds no questions")
    return questions


def _question(line: str, number: int, form: type[Line]) -> Line:
    try:
        return form.model_validate(json.loads(line))
    except ValidationError as error:
        raise InvalidInput(f"line {number}: " + "; ".join(describe(part) for part in error.errors())) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"line {number} is not JSON: {error}") from error
