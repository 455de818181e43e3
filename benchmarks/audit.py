"""The CPU that `flowrun audit` takes over `flowrun validate`, for flows of 1,000 labelled nodes.

python benchmarks/audit.py [--nodes 1000] [--rounds 9] [--check]

Each round checks a flow and then works out and writes its reach, so both times come from the same check. With --check
the exit code is 1 if the reach takes more than 50 ms for 1,000 nodes.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time

from shapes import SOUND

from flowrun.dsl import Source
from flowrun.runtime.cli import GARBAGE
from flowrun.runtime.cli.audits import reaches_of, text_lines
from flowrun.runtime.session.loading import examine_source

MOST_MS = 50.0


def votes(nodes: int) -> str:
    """A flow of asks, votes over a list, and conditions, all of which read untrusted data."""
    lines = ["flow big(question: text, pages: untrusted [text], mail: untrusted text) {"]
    for i in range(max(1, nodes // 4)):
        lines.append(f'  a{i} = ask "{{{{ mail }}}} {{{{ question }}}}" -> yes | no')
        body = 'ask "{{ question }} {{ page }}" -> yes | no | silent'
        lines.append(f"  v{i} = map page in pages at most 50 {{ b{i} = {body} }} reduce majority")
        lines.append(f'  d{i} = ask "{{{{ v{i} }}}}" when a{i} == "yes" else ""')
    return "\n".join([*lines, f"  return {{ {', '.join(f'd{i}' for i in range(max(1, nodes // 4)))} }}", "}\n"])


def labelled(name: str, nodes: int) -> str:
    text = SOUND[name](nodes).replace("x: text", "x: untrusted text", 1)
    return text.replace("xs: [text]", "xs: untrusted [text]", 1)


def measured(text: str) -> tuple[float, float]:
    """Return the CPU milliseconds of one check, and those of the reach and its text."""
    gc.collect()
    began = time.process_time()
    found = examine_source(Source(text, "large.flow"), {})
    checked = time.process_time()
    lines = list(text_lines(reaches_of([found]), 100))
    ended = time.process_time()
    assert lines, found.findings
    return (checked - began) * 1000, (ended - checked) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    gc.set_threshold(*GARBAGE)  # as the command does
    texts = {"votes": votes(options.nodes), **{name: labelled(name, options.nodes) for name in SOUND}}
    measured(votes(8))  # loads the modules
    missed = []
    print(f"{options.nodes:,} nodes{'':8}{'validate':>10}{'audit over it':>16}{'ratio':>8}")
    for name, text in texts.items():
        rounds = [measured(text) for _ in range(options.rounds)]
        check, reach = (statistics.median(one) for one in zip(*rounds, strict=True))
        print(f"{name:18}{check:8.1f} ms{reach:13.1f} ms{reach / check:8.2f}")
        if reach > MOST_MS * options.nodes / 1000:
            missed.append(f"{name}: {reach:.0f} ms")
    print("\n".join(f"MISSED {one}" for one in missed))
    return int(bool(missed) and options.check)


if __name__ == "__main__":
    sys.exit(main())
