"""Posted forms and query strings as typed models."""

from typing import Annotated, Self

from flask import request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from kb_service.errors import InvalidInput
from kb_service.locales import parse_locale


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n")


EventId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.-]{1,100}$")]
"""An id that a page gave to one of its forms, so that sending it twice stores it once."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_clean)]
"""A short text without what a database cannot keep."""

Words = Annotated[str, AfterValidator(_clean)]
"""A text of any length without what a database cannot keep."""

RowId = Annotated[int, Field(ge=1, le=2**62)]
"""The number of a row, such as a revision's, within what a database can look up."""

Locale = Annotated[str, AfterValidator(lambda name: parse_locale(name) if name else "")]
"""A locale, or nothing."""


class Form(BaseModel):
    """Fields the model does not name, such as the CSRF token, are ignored."""

    @classmethod
    def posted(cls) -> Self:
        """The posted form; InvalidInput names the first field at fault."""
        return cls._read(request.form.to_dict())

    @classmethod
    def asked(cls) -> Self:
        """The query string; InvalidInput names the first field at fault."""
        return cls._read(request.args.to_dict())

    @classmethod
    def _read(cls, values: dict[str, str]) -> Self:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            raise InvalidInput(f"{where}: {first['msg'].removeprefix('Value error, ')}", where) from error
