"""Feeds the checker texts that nobody wrote, until one of them gives anything but a flow or findings.

python benchmarks/fuzz.py [--minutes 10] [--seed 1]

With atheris installed (`pip install atheris`) its coverage of the checker guides what is tried next; without it
programs of the corpus are damaged at random. What fails is printed, with the text that did it.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import sys
import time
import traceback
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType

try:
    import atheris
except ImportError:
    atheris = None

SECONDS = 10
"""The longest that one text may take."""

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r'"""|"[^"\n]*"|\w+|\.\.|->|\?\?|[=!<>]=|\s+|.', re.DOTALL)
STRANGE = [
    "'",
    "“",
    ";",
    "//",
    "/*",
    "*/",
    "3x",
    "é",
    "а",
    "&&",
    "||",
    "!",
    "\\",
    "\x00",
    "\u202e",
    "\ufeff",
    "🙂",
    "$",
]


def programs() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "corpus").rglob("*.flow"))]


class Checker:
    """Checks texts, and keeps one that fails for each place of the code that it fails at."""

    def __init__(self) -> None:
        from flowrun.dsl import FlowError, Source, check_flow, format_file, parse_flow, render_diagnostics
        from flowrun.runtime.catalog import catalog

        self.source, self.error, self.render = Source, FlowError, render_diagnostics
        self.check, self.parse, self.format = check_flow, parse_flow, format_file
        self.catalog = catalog()
        self.texts = 0
        self.failures: dict[str, str] = {}

    def answer(self, text: str) -> None:
        source = self.source(text)
        try:
            self.render(self.check(source, self.catalog).warnings)
        except self.error as error:
            self.render(error.diagnostics)
            return
        tree = self.parse(source)
        if self.parse(self.source(self.format(tree))) != tree:
            raise AssertionError("written and read again it is another flow")

    def __call__(self, text: str) -> None:
        self.texts += 1
        signal.alarm(SECONDS)
        try:
            self.answer(text)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is what is looked for
            frames = traceback.extract_tb(failure.__traceback__)
            place = f"{type(failure).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
            if place not in self.failures:
                self.failures[place] = text
                print(
                    f"\n{place}: {failure}\n{text!r}\n{''.join(traceback.format_tb(failure.__traceback__)[-4:])}",
                    flush=True,
                )
        finally:
            signal.alarm(0)


def too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"it takes more than {SECONDS} s")


def damaged(chance: random.Random, split: list[list[str]], words: list[str]) -> str:
    tokens = chance.choice(split).copy()
    if chance.random() < 0.3:
        other = chance.choice(split)
        tokens[chance.randint(0, len(tokens)) :] = other[chance.randint(0, len(other)) :]
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at, end = (chance.randrange(len(tokens) + 1) for _ in range(2))
        match chance.randrange(6):
            case 0:
                del tokens[at : at + chance.choice((1, 1, 2, 3))]
            case 1:
                tokens[at:at] = tokens[at:end][:30]
            case 2:
                tokens[at : at + 1] = [chance.choice(words)]
            case 3:
                tokens.insert(at, chance.choice(words))
            case 4:
                tokens.insert(at, chance.choice(STRANGE))
            case _:
                tokens[at : at + 2] = reversed(tokens[at : at + 2])
    return "".join(tokens)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, too_long)
    until = time.monotonic() + options.minutes * 60
    texts = programs()
    if atheris is None:
        print("atheris is not installed: damaging programs at random")
        checker = Checker()
        chance = random.Random(options.seed)
        split = [TOKEN.findall(text) for text in texts if len(text) < 5000]
        words = sorted({token for tokens in split for token in tokens if len(token) < 40})
        while time.monotonic() < until:
            checker(damaged(chance, split, words))
        return finish(checker)
    with atheris.instrument_imports(include=["flowrun.dsl"]):
        checker = Checker()
    for text in texts:
        checker(text)

    def one(data: bytes) -> None:
        if time.monotonic() > until:
            # libFuzzer would end the process without a last word.
            os._exit(finish(checker))
        checker(data.decode("utf-8", "replace"))

    atheris.Setup([sys.argv[0], *settings(texts, options.seed)], one)
    atheris.Fuzz()
    return finish(checker)


def settings(texts: list[str], seed: int) -> list[str]:
    """The corpus as a folder of files and its tokens as a dictionary, as libFuzzer takes them."""
    folder = Path(mkdtemp(prefix="flowrun-fuzz-"))
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, text in enumerate(texts):
        (seeds / str(number)).write_text(text, encoding="utf-8")
    words = sorted(
        {word for text in texts for word in TOKEN.findall(text) if re.fullmatch(r"[a-z]+|[^\w\s\"\\]+", word)}
    )
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words if word.isascii()), encoding="utf-8")
    return [
        f"-seed={seed}",
        "-max_len=3000",
        f"-dict={folder / 'words'}",
        f"-artifact_prefix={folder}/",
        str(seeds),
    ]


def finish(checker: Checker) -> int:
    print(f"{checker.texts:,} texts, {len(checker.failures)} places that fail", flush=True)
    return 1 if checker.failures else 0


if __name__ == "__main__":
    sys.exit(main())
