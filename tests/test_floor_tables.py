"""Each name in the tables of the floors is that of a room or a module. Otherwise nothing would be checked for it."""

from __future__ import annotations

import re

from test_floors import FLOORS, LOADS_ITS_OWN, PURE, READS_PACKAGE_DATA, ROOT, floor_of, modules


def test_each_module_of_the_tables_lies_in_the_tree() -> None:
    halves = {half: modules(ROOT, half) for half in FLOORS}
    listed = [f"{half}/{entry}" for half, rows in FLOORS.items() for row in rows for entry in row.split()]
    listed += [*READS_PACKAGE_DATA, *LOADS_ITS_OWN, *(f"runtime/{name}" for name in PURE)]
    known = {f"{half}/{module}" for half, paths in halves.items() for module in paths}
    rooms = {module.rpartition("/")[0] for module in known}
    assert [name for name in listed if name.removesuffix("/*") not in known | rooms] == []


def test_every_half_has_files() -> None:
    assert all(modules(ROOT, half) for half in FLOORS)


def test_no_name_stands_on_two_floors() -> None:
    for rows in FLOORS.values():
        entries = " ".join(rows).split()
        assert len(entries) == len(set(entries))


def folders(half: str) -> set[str]:
    return {module.partition("/")[0] for module in modules(ROOT, half) if "/" in module}


def test_contributing_tells_of_each_folder() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text[text.index("The folders of `dsl/`") : text.index("`runtime/` does everything")]
    assert folders("dsl") - set(re.findall(r"`(\w+)/`", part)) == set()
    rows = re.findall(r"^\| (\d+) \| (`[^|]*`) \|", text, re.MULTILINE)
    rooms = [(int(floor), room) for floor, names in rows for room in re.findall(r"`(\w+)`", names)]
    assert {room for _, room in rooms} == folders("runtime")
    # Rooms of one row may have floors of their own here.
    placed = [(told, floor_of("runtime", f"{room}/one") or 0) for told, room in rooms]
    assert [(low, high) for low in placed for high in placed if low[0] < high[0] and low[1] >= high[1]] == []
