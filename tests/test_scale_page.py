"""The page on scale shows what its script prints, and the figures with which the script reckons."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_day", ROOT / "benchmarks" / "day.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_what_the_script_prints(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^```console\n\$ python benchmarks/day\.py([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    for words, text in shown:
        script().main(shlex.split(words))
        assert capsys.readouterr().out == text


def test_the_figures_of_the_script_are_those_of_the_page() -> None:
    rows = dict(re.findall(r"^\| ((?:CPU|bytes|memory)[^|]*) \| (.*) \|$", PAGE, re.MULTILINE))
    found = {name: [float(one.replace(",", "")) for one in re.findall(r"[\d.,]*\d", row)] for name, row in rows.items()}
    given = {name: value for name, (value, _) in script().MEASURED.items()}
    assert found["CPU of a run in one process"][0] == given["whole-ms"]
    assert found["CPU of the driver of two workers"][0] == given["driver-ms"]
    assert found["CPU of the workers"][0] == given["far-ms"]
    assert found["CPU of the server"] == [given["server-ms"]]
    assert found["bytes in the journal"] == [given["file-bytes"], given["table-bytes"]]
    file, *database = found["CPU to read it when a later run begins"]
    assert [file, sum(database)] == [given["file-open-us"], pytest.approx(given["table-open-us"], abs=0.5)]
    assert found["CPU to resume the run that bought it"] == [given["resume-us"]]
    assert found["memory for it in each later run"] == [given["file-kept"], given["table-kept"]]


def test_the_parts_of_the_page_are_those_of_the_script() -> None:
    parser = script().MEASURED
    expected = {
        "one process": 1000 / parser["whole-ms"][0],
        "a worker process": 1000 / parser["far-ms"][0],
        "the driver of workers": 1000 / parser["driver-ms"][0],
        "one database": parser["table-rows"][0] / 2,
    }
    for name, rate in expected.items():
        row = re.search(rf"^\| {name} \| ([\d,]+) \|", PAGE, re.MULTILINE)
        assert row, name
        assert float(row[1].replace(",", "")) == pytest.approx(rate, rel=0.005)
