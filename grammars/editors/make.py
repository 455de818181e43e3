"""Writes the files of editors that hold words of the language. ``--check`` only tells which of them are old.

python grammars/editors/make.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from textmate import textmate
from vim_syntax import vim_syntax
from vscode_snippets import snippets
from word_lists import word_lists

HERE = Path(__file__).resolve().parent


def made() -> Mapping[Path, str]:
    """Return the text of each file."""
    lists = word_lists()
    return {
        HERE.parent / "flow.tmLanguage.json": as_json(textmate(lists)),
        HERE / "vscode" / "snippets.json": as_json(snippets()),
        HERE / "vim" / "syntax" / "flowrun.vim": vim_syntax(lists),
    }


def as_json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def old() -> list[Path]:
    """Return the files whose text is another."""
    return [path for path, text in made().items() if not path.exists() or path.read_text("utf-8") != text]


def main() -> int:
    late = old()
    if "--check" in sys.argv[1:]:
        for path in late:
            print(f"{path.relative_to(HERE.parent.parent)} is old: run grammars/editors/make.py")
        return 1 if late else 0
    for path, text in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
