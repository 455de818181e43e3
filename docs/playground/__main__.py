"""The command that builds the playground: ``python -m playground`` in ``docs/``, or ``make playground``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import OUT
from .build import BuildError, build


def main() -> int:
    parser = argparse.ArgumentParser(prog="playground", description="Build the playground.")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for its files")
    given = parser.parse_args()
    try:
        size = build(given.out.resolve())
    except BuildError as error:
        print(f"the playground cannot be built: {error}", file=sys.stderr)
        return 1
    print(f"the playground is in {given.out}: {size / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
