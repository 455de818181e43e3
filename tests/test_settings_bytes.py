"""The bytes of the files of settings: editors of Windows write a byte-order mark before the text."""

from __future__ import annotations

from pathlib import Path

from flowrun.runtime.files.project import settings_in
from flowrun.runtime.files.settings import user_settings

TEXT = 'allow_hosts = ["gpu.example"]\n'


def test_a_byte_order_mark_before_the_settings_of_a_user_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "flowrun" / "settings.toml"
    path.parent.mkdir()
    for text in (TEXT, "\ufeff" + TEXT):
        path.write_text(text, encoding="utf-8")
        assert user_settings({"XDG_CONFIG_HOME": str(tmp_path)}) == {"allow_hosts": ["gpu.example"]}


def test_a_byte_order_mark_before_the_settings_of_a_project_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "flowrun.toml"
    path.write_text('\ufeffmodel = "openai:m"\n', encoding="utf-8")
    assert settings_in(path) == {"model": "openai:m"}
