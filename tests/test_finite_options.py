"""Options that take a number of a range: `nan` and endless numbers are refused in a sentence."""

from __future__ import annotations

import importlib

import pytest
from click.testing import CliRunner


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "-1", "1e999"])
@pytest.mark.parametrize(("command", "option"), [("plan", "--right"), ("test", "--min"), ("serve", "--grace")])
def test_a_number_outside_of_its_range_is_refused(command: str, option: str, value: str) -> None:
    found = importlib.import_module(f"flowrun.runtime.cli.{command}").command
    result = CliRunner().invoke(found, [option, value])
    assert result.exit_code == 2 and f"Invalid value for '{option}'" in result.output
