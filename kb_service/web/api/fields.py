"""Types shared by the API's request and response models."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr, StringConstraints

from kb_service.locales import parse_locale


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("contains a NUL character")
    return text


Identifier = Annotated[
    StrictStr, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)
]
"""An id that the sender chose."""

Words = Annotated[StrictStr, AfterValidator(_storable)]
"""Free text."""

LocaleName = Annotated[StrictStr, AfterValidator(parse_locale)]
"""A locale such as es-MX; another spelling of it (es_mx) is understood, an unknown one refused."""


class Body(BaseModel):
    """A request body: types are not guessed, and a field we do not know is an error rather than a loss."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Recorded(BaseModel):
    """An event was taken in; `recorded` is false where it had been before."""

    event_id: str
    recorded: bool


def example(value: Any) -> dict[str, Any]:
    """An example for the OpenAPI page."""
    return {"examples": [value]}
