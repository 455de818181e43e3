"""The same workloads as flows, run by the same code as the command."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

CALLS = """
model local = "openai:test" with concurrency: {wide}, temperature: 0.5
flow bench(prompts: [text]) {{
  answers = map prompt in prompts {{ ask local "{{{{ prompt }}}}" }} reduce collect
  return length(answers)
}}
"""
VOTES = """
model local = "openai:test" with concurrency: {wide}, temperature: 0.5
flow bench(prompts: [text]) {{
  winners = map prompt in prompts {{
    repeat 5 {{ ask local "{{{{ prompt }}}}" -> yes | no }} reduce majority with launch: together
  }} reduce collect
  return length(winners)
}}
"""
CHAINED = """
model local = "openai:test" with concurrency: {wide}, temperature: 0.5
type Pair = {{ first: text, second: text }}
flow bench(pairs: [Pair]) {{
  firsts = map pair in pairs {{
    answer = ask local "{{{{ pair.first }}}}"
    {{ second: pair.second, answer }}
  }} reduce collect
  seconds = map one in firsts {{ ask local "{{{{ one.second }}}}" }} reduce collect
  return length(seconds)
}}
"""

TAIL = """
model local = "openai:test" with concurrency: 64, temperature: 0.5
flow bench(prompts: [text]) {{
  answers = map prompt in prompts {{ ask local "{{{{ prompt }}}}"{hedge} }} reduce collect
  return length(answers)
}}
"""
ELEMENTS = """
flow bench(numbers: [int]) {
  found = map n in numbers { { n } } reduce collect
  return length(found)
}
"""


def diamonds(count: int) -> str:
    """So many diamonds, each behind the one before: a value, two that mention it, and one that mentions both."""
    lines = ["a0 = start"]
    for n in range(count):
        lines += [f"b{n} = a{n}", f"c{n} = a{n}", f"a{n + 1} = b{n} after c{n}"]
    return "flow bench(start: int) {\n" + "\n".join(lines) + f"\nreturn a{count} }}"


def planned(text: str) -> Any:
    from flowrun.dsl import Source, check_flow, make_plan
    from flowrun.runtime.catalog import catalog
    from flowrun.runtime.cli import GARBAGE

    # As the command does.
    gc.set_threshold(*GARBAGE)
    return make_plan(check_flow(Source(text, "bench.flow"), catalog()))


async def result_of(plan: Any, base: str, inputs: dict[str, Any], *, journal: Path | None = None) -> Any:
    from flowrun.runtime import RunOptions, run_async

    environ = {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none"}
    more: dict[str, Any] = {"journal": journal} if journal else {}
    result = await run_async(plan, inputs, options=RunOptions(environ=environ, **more))
    assert result.ok, result.failures
    return result


async def run(plan: Any, base: str, inputs: dict[str, Any], *, journal: Path | None = None) -> Any:
    return (await result_of(plan, base, inputs, journal=journal)).value
