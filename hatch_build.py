"""Build hook: compile the translation catalogues, so that the wheel and an editable install carry them."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTranslations(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write a `.mo` file beside every `.po` file and put it into the wheel."""
        for po in Path(self.root, "kb_service", "translations").glob("*/LC_MESSAGES/*.po"):
            mo = po.with_suffix(".mo")
            with po.open("rb") as source, mo.open("wb") as target:
                write_mo(target, read_po(source, locale=po.parts[-3]))
            build_data["artifacts"].append(str(mo.relative_to(self.root)))
