"""The command that builds the site: ``python -m builder`` in ``docs/``, or ``make site``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from flowrun.dsl.project import SITE

from . import OUT, SiteError
from .site import build_site


def main() -> int:
    parser = argparse.ArgumentParser(prog="builder", description="Build the site and check it.")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for it; its part `html` is the site")
    parser.add_argument(
        "--site", default=os.environ.get("SITE_ADDRESS") or SITE, help="the address where it will stand"
    )
    parser.add_argument("--external", action="store_true", help="list the links to other sites")
    parser.add_argument("--playground", type=Path, metavar="FOLDER", help="the built playground, which joins the site")
    given = parser.parse_args()
    try:
        built = build_site(given.out.resolve(), given.site, given.playground)
    except SiteError as error:
        print(f"the site has faults:\n{error}", file=sys.stderr)
        return 1
    if given.external:
        print("".join(f"{times:4}  {link}\n" for link, times in built.external.items()), end="")
    print(f"{built.pages} pages in {built.folder}; {len(built.external)} links to other sites, not tried")
    return 0


if __name__ == "__main__":
    sys.exit(main())
