"""Ejected programs that split texts, and helpers whose names are those of other definitions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.eject.sources import library
from flowrun.runtime.session.loading import plan_of
from flowrun.runtime.splitters import SPLITTERS
from support.ejected import ejected_text, module_of

TEXT = "# One\n\n  first line\nsecond line. And more.\r\n\r\n\n## Two\n\n\tthird – ünï 日本。語\n\n\n   \n"
RULES = ["paragraph", "line", "sentence", "page", "chars(12)", "chars(20, overlap: 6)"]


@pytest.mark.parametrize("rule", RULES)
def test_a_program_splits_a_text_as_a_run_does(tmp_path: Path, rule: str) -> None:
    name, _, rest = rule.partition("(")
    size, _, overlap = rest.removesuffix(")").partition(", ")
    by = f"{name}({size})" if size else name
    flow = f"flow cut(doc: text) {{ return split(doc, by: {by}{', ' + overlap if overlap else ''}) }}"
    checked = check_flow(Source(flow), catalog())
    program = module_of(ejected_text(checked, plan_of(checked, "cut"), tmp_path))
    arguments: dict[str, int] = {"n": int(size)} if size else {}
    if overlap:
        arguments["overlap"] = int(overlap.partition(": ")[2])
    assert asyncio.run(program.__dict__["cut"](doc=TEXT)) == SPLITTERS[name].split(TEXT, arguments)


def test_no_helper_takes_the_place_of_another_definition() -> None:
    """A helper is copied in place of each definition with its name. Only the error of a wrong input is meant to be."""
    kit = library()
    homes = {module for module, _ in kit.replaced()}
    assert {name for _, name in kit.replaced()} == {"UsageError"}
    assert homes == {"flowrun.runtime.vocabulary.errors"}


@pytest.mark.parametrize(
    "given", ["", "[]", '{"doc": 1e999}', '{"doc": NaN}', '{"doc": "\\ud800"}', "[" * 60_000, '{"other": 1}']
)
def test_a_program_refuses_inputs_that_no_flow_takes(tmp_path: Path, given: str) -> None:
    checked = check_flow(Source("flow same(doc: json) { return doc }"), catalog())
    program = tmp_path / "same.py"
    program.write_text(ejected_text(checked, plan_of(checked, "same"), tmp_path))
    ran = subprocess.run([sys.executable, str(program), given], capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and ran.stdout == "" and "Traceback" not in ran.stderr
    assert ran.stderr.startswith("the inputs must be a JSON object with the parameters of the flow")
