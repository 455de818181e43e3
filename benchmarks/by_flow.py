"""The same workloads as flows: as a user writes them, without any option, and with options that tune them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

CALLS = """
flow bench(prompts: [text]) {
  answers = map prompt in prompts { ASK "{{ prompt }}"HEDGE } reduce collect
  return length(answers)
}
"""
VOTES = """
flow bench(prompts: [text]) {
  winners = map prompt in prompts {
    repeat 5 { ASK "{{ prompt }}" -> yes | no } reduce majorityLAUNCH
  } reduce collect
  return length(winners)
}
"""
CHAINED = """
type Pair = { first: text, second: text }
flow bench(pairs: [Pair]) {
  firsts = map pair in pairs {
    answer = ASK "{{ pair.first }}"
    { second: pair.second, answer }
  } reduce collect
  seconds = map one in firsts { ASK "{{ one.second }}" } reduce collect
  return length(seconds)
}
"""
ELEMENTS = """
flow bench(numbers: [int]) {
  found = map n in numbers { { n } } reduce collect
  return length(found)
}
"""
MODEL = "openai:test"


def flow(text: str, options: str = "", hedge: str = "") -> str:
    """Complete the text of a workload. ``options`` are those of its model, such as "concurrency: 1000"."""
    text = text.replace("HEDGE", f" with hedge: {hedge}" if hedge else "")
    # A tuned vote sends all of its samples at once, as a person does by hand.
    text = text.replace("LAUNCH", " with launch: together" if options else "")
    head = f'model local = "{MODEL}" with {options}\n' if options else ""
    return head + text.replace("ASK", "ask local" if options else "ask")


def diamonds(count: int) -> str:
    """So many diamonds, each behind the one before: a value, two that mention it, and one that mentions both."""
    lines = ["a0 = start"]
    for n in range(count):
        lines += [f"b{n} = a{n}", f"c{n} = a{n}", f"a{n + 1} = b{n} after c{n}"]
    return "flow bench(start: int) {\n" + "\n".join(lines) + f"\nreturn a{count} }}"


def environ(base: str, folder: Path) -> dict[str, str]:
    """The variables of a user whose model is at this address, and whose cache is in this folder."""
    return {
        "OPENAI_BASE_URL": base,
        "OPENAI_API_KEY": "none",
        "FLOWRUN_MODEL": MODEL,
        "FLOWRUN_CACHE": str(folder / "cache"),
        "FLOWRUN_JOURNAL": str(folder / "journal.db"),
    }


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.flow"
    path.write_text(text, encoding="utf-8")
    return path


async def result_of(flow: Any, base: str, inputs: Mapping[str, Any], folder: Path, *, journal: bool = True) -> Any:
    """Run a file, or a checked file, as a user of this folder does."""
    from flowrun.runtime import RunOptions, run_async

    kept = folder / "journal.db" if journal else None
    result = await run_async(flow, inputs, options=RunOptions(environ=environ(base, folder), journal=kept))
    assert result.ok, result.failures
    return result
