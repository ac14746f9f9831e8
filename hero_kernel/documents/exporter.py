"""`jupyter nbconvert --to heroscript`: what nbconvert calls, by an entry point."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import Exporter
from nbconvert.utils.exceptions import ConversionException

from hero_kernel.documents.convert import script_from
from hero_kernel.errors import HeroError


class HeroscriptExporter(Exporter):
    """Notebook to heroscript; see `script_from`."""

    export_from_notebook = "heroscript"
    output_mimetype = "text/x-heroscript"

    def _file_extension_default(self) -> str:
        return ".hero"

    def from_notebook_node(  # type: ignore[override]  # as its own exporters do
        self, nb: Any, resources: Any = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The script, and nbconvert's resources.

        Raises:
            ConversionException: A cell is not heroscript; nbconvert tells it and ends.
        """
        notebook, resources = super().from_notebook_node(nb, resources, **kw)
        try:
            return script_from(notebook), resources
        except HeroError as error:
            raise ConversionException("\n".join(error.lines())) from error
