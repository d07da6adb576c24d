"""Types shared by the API's request and response models."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr, StringConstraints

from kb_service.locales import parse_locale
from kb_service.services.native_format import storable

Identifier = Annotated[
    StrictStr, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)
]
"""An id that the sender chose."""

Channel = Annotated[
    StrictStr, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(storable)
]
"""Where a message was written, such as chat."""

Words = Annotated[StrictStr, AfterValidator(storable)]
"""Free text."""

ShortWords = Annotated[StrictStr, StringConstraints(max_length=500), AfterValidator(storable)]
"""What somebody typed to search."""

Comment = Annotated[StrictStr, StringConstraints(max_length=5000), AfterValidator(storable)]
"""What a customer says of a reply."""

Cursor = Annotated[StrictStr, StringConstraints(max_length=2000), AfterValidator(storable)]
"""Where the next page of a list begins."""

LocaleName = Annotated[StrictStr, AfterValidator(parse_locale)]
"""A locale such as es-MX; another spelling of it (es_mx) is understood, an unknown one refused."""


class Body(BaseModel):
    """A request body: types are not guessed, and a field we do not know is an error rather than a loss."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """A query string; a parameter we do not know is an error."""

    model_config = ConfigDict(extra="forbid")


class Recorded(BaseModel):
    """An event was taken in; `recorded` is false where it had been before."""

    event_id: str
    recorded: bool
