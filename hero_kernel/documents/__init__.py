"""Notebooks and scripts, each from the other; how both are coloured.

`nbconvert` and Pygments find what they use by entry points; the extra `documents` brings them.
"""

from __future__ import annotations

from hero_kernel.documents.convert import notebook_from, script_from
from hero_kernel.documents.files import NOTEBOOK, SCRIPTS, converted, is_notebook

__all__ = ["NOTEBOOK", "SCRIPTS", "converted", "is_notebook", "notebook_from", "script_from"]
