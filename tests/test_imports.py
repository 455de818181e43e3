"""Imports: one file is one file, circles end, and nothing outside the flow's folder is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.session.loading import load

LEAF = 'flow leaf(x: text) {\n  y = ask "{{ x }}"\n  return y\n}\n'
CALLS_LEAF = "flow NAME(x: text) {\n  y = leaf(x: x)\n  return y\n}\n"


def reader(files: dict[str, str], read: list[str] | None = None) -> Callable[[str], Source | str]:
    def open_file(path: str) -> Source | str:
        if read is not None:
            read.append(path)
        return Source(files[path], path) if path in files else "there is no such file"

    return open_file


def codes(text: str, files: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text, "main.flow"), catalog(), reader(files))
    return [(found.span.source.name, found.code) for found in caught.value.diagnostics]


def test_a_file_imported_twice_is_read_and_checked_once() -> None:
    read: list[str] = []
    files = {
        "a.flow": 'import "lib/leaf.flow"\n' + CALLS_LEAF.replace("NAME", "a"),
        "b.flow": 'import "lib/leaf.flow"\n' + CALLS_LEAF.replace("NAME", "b"),
        "lib/leaf.flow": LEAF,
    }
    text = (
        'import "a.flow"\nimport "./b.flow"\nimport "lib//./leaf.flow"\n'
        "flow main(x: text) {\n  p = a(x: x)\n  q = b(x: p)\n  return q\n}\n"
    )
    checked = check_flow(Source(text, "main.flow"), catalog(), reader(files, read))
    assert sorted(read) == ["a.flow", "b.flow", "lib/leaf.flow"]
    made = make_plan(checked)
    assert set(made.flows) == {"a.flow:a", "b.flow:b", "lib/leaf.flow:leaf"}
    verify(made)
    assert plan.from_json(plan.to_json(made)) == made


def test_each_file_keeps_its_own_models_and_imports() -> None:
    files = {"lib/x.flow": 'model fast = "openai:small"\n' + LEAF.replace("ask ", "ask fast ")}
    text = 'import "lib/x.flow"\nmodel fast = "openai:large"\nflow main(x: text) {\n  y = ask fast "{{ x }}"\n'
    checked = check_flow(Source(text + "  z = leaf(x: y)\n  return z\n}\n", "main.flow"), catalog(), reader(files))
    made = make_plan(checked)
    assert {model.name: model.address for model in made.models} == {
        "fast": "openai:large",
        "lib/x.flow:fast": "openai:small",
    }
    asked = made.flows["lib/x.flow:leaf"].steps[0].node
    assert isinstance(asked, plan.Ask)
    assert asked.model == plan.Ref("lib/x.flow:fast")
    hidden = {"a.flow": 'import "lib/x.flow"\n' + CALLS_LEAF.replace("NAME", "a"), "lib/x.flow": LEAF}
    text = 'import "a.flow"\nflow main(x: text) {\n  y = leaf(x: x)\n  return y\n}\n'
    assert codes(text, hidden) == [("main.flow", "F0208")]


def test_files_that_import_each_other() -> None:
    files = {
        "b.flow": 'import "c.flow"\n' + LEAF,
        "c.flow": 'import "main.flow"\n' + LEAF,
    }
    text = 'import "b.flow"\n' + LEAF.replace("leaf", "main")
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text, "main.flow"), catalog(), reader(files))
    [found] = [one for one in caught.value.diagnostics if one.code == "F0204"]
    assert found.span.source.name == "c.flow"
    assert found.note.startswith("main.flow → b.flow → c.flow → main.flow")


def test_what_is_wrong_in_an_imported_file_is_told_there_and_once() -> None:
    files = {"lib/x.flow": 'type T = low | low2\nflow leaf(x: text) {\n  y = ask "{{ z }}"\n  return y\n}\n'}
    text = 'import "lib/x.flow"\nimport "lib/x.flow" as s\nflow main(x: text) {\n  y = leaf(x: x)\n'
    text += '  z = s.leaf(x: y)\n  w = ask "{{ z }}" -> T\n  return { w, v: nothing }\n}\n'
    assert codes(text, files) == [("lib/x.flow", "F0201"), ("main.flow", "F0201")]
    assert codes(text, {"lib/x.flow": "flow {"})[0] == ("lib/x.flow", "F0102")


def test_a_deep_row_and_a_wide_fan_of_imports_end() -> None:
    deep = {f"f{n}.flow": f'import "f{n + 1}.flow"\n' + LEAF for n in range(200)}
    assert codes('import "f0.flow"\n' + LEAF.replace("leaf", "main"), deep) == [("f49.flow", "F0209")]
    wide = {f"g{n}.flow": f"type T{n} = a | b\n" for n in range(600)}
    text = "".join(f'import "g{n}.flow"\n' for n in range(600)) + LEAF
    assert {code for _, code in codes(text, wide)} == {"F0209"}


def test_without_a_folder_nothing_is_imported() -> None:
    with pytest.raises(FlowError, match="this flow has no folder"):
        check_flow(Source('import "x.flow"\n' + LEAF), catalog())


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.flow").write_text(LEAF)
    inside = tmp_path / "inside"
    (inside / "lib").mkdir(parents=True)
    (inside / "lib" / "link.flow").symlink_to(tmp_path / "secret.flow")
    (inside / "away").symlink_to(tmp_path)
    for path in ("lib/link.flow", "away/secret.flow"):
        (inside / "main.flow").write_text(f'import "{path}"\n' + LEAF.replace("leaf", "main"))
        with pytest.raises(FlowError, match="outside the flow's folder"):
            load(inside / "main.flow")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.flow")
    (tmp_path / "folder.flow").mkdir()
    (tmp_path / "binary.flow").write_bytes(b"\x00\xff\xfe")
    for name in ("pipe", "folder", "binary"):
        (tmp_path / "main.flow").write_text(f'import "{name}.flow"\n' + LEAF)
        with pytest.raises(FlowError, match="F0209"):
            load(tmp_path / "main.flow")


def test_names_in_findings_lead_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "x.flow").write_text("flow x(")
    (tmp_path / "main.flow").write_text('import "lib/x.flow"\n' + LEAF)
    with pytest.raises(FlowError) as caught:
        load(tmp_path / "main.flow")
    assert [found.span.source.name for found in caught.value.diagnostics] == [str(tmp_path / "lib" / "x.flow")]
