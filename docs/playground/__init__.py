"""The playground: a page that checks flows in the browser. ``python -m playground`` in ``docs/`` builds it.

The page is hand-written. Its editor is CodeMirror and its Python is Pyodide. Both come from npm, by a lock file.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "build" / "playground"
