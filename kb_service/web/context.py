"""What a view needs of the running application."""

from typing import cast

from flask import current_app

from kb_service.parts import Parts

EXTENSION = "kb_service"


def parts() -> Parts:
    """The parts of the application that handles this request."""
    return cast(Parts, current_app.extensions[EXTENSION])
