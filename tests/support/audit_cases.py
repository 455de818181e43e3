"""The cases of tests/support/audits.txt: small flows, and the text of their audit."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).parent / "audits.txt"
MARK = "? "


def cases() -> dict[str, tuple[str, str]]:
    """Return the flow and the expected text of each case, by name."""
    found: dict[str, tuple[str, str]] = {}
    for part in FILE.read_text(encoding="utf-8").split("\n# ")[1:]:
        name, _, rest = part.partition("\n")
        lines = rest.strip("\n").splitlines()
        told = [line for line in lines if line.startswith(MARK.rstrip())]
        flow = "\n".join(line for line in lines if not line.startswith(MARK.rstrip())).strip("\n")
        found[name] = (f"{flow}\n", "\n".join(line[len(MARK) :] for line in told))
    return found


def written(told: dict[str, tuple[str, str]]) -> str:
    """Return the text of the file with these expectations."""
    head = FILE.read_text(encoding="utf-8").partition("\n# ")[0]
    parts = [head]
    for name, (flow, text) in told.items():
        lines = "\n".join(f"{MARK}{line}".rstrip() for line in text.splitlines())
        parts.append(f"\n# {name}\n{flow}{lines}\n")
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"
