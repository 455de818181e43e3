"""Temperatures above 1: which APIs take them, and what becomes of one that a server does not serve at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.plans.sent_options import sends_options
from flowrun.runtime.providers.option_checks import refused_at
from flowrun.runtime.session.loading import load, plan_of
from support.command_line import chat, command

FLOW = 'flow f() { a = ask "Hi" with temperature: HEAT return a }\n'


@pytest.mark.parametrize(
    ("model", "most"),
    [("anthropic:claude-haiku-4-5", 1), ("bedrock:amazon.nova-lite-v1:0", 1), ("openai:m", 2), ("gemini:m", 2)],
)
def test_each_api_has_its_highest_temperature(model: str, most: int) -> None:
    assert not refused_at(model, {"temperature": most})
    assert ("temperature" in refused_at(model, {"temperature": 1.5})) is (most == 1)


async def test_a_temperature_for_a_model_of_the_command_line_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW.replace("HEAT", "1.5"))
    environ = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    ran = await command("a.flow", "--model", "anthropic:claude-haiku-4-5", folder=tmp_path, **environ)
    assert ran.code == 2
    assert "does not take its `temperature`: Messages takes 0 to 1. Nothing was sent" in ran.err


async def test_a_server_without_temperatures_is_asked_without_beside_any_option(faults: Any, tmp_path: Path) -> None:
    lab = f'endpoint lab = "{faults.url}/v1" with lacks: [temperature]\nmodel m = "lab:m"\n'
    text = lab + FLOW.replace("ask", "ask m").replace("HEAT", "0.5, top_p: 0.9")
    (tmp_path / "a.flow").write_text(text)
    faults.json(chat("hello"))
    ran = await command("a.flow", "--allow-host", "127.0.0.1", folder=tmp_path)
    assert ran.code == 0, ran.err
    assert (faults.seen[0]["top_p"], "temperature" in faults.seen[0]) == (0.9, False)


def test_usual_temperatures_need_no_check(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    for heat, checked in (("0", False), ("1", False), ("1.1", True)):
        path.write_text(FLOW.replace("HEAT", heat))
        assert sends_options(plan_of(load(path))) is checked
