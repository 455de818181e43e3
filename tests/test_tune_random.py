"""Random flows with open values: each setting answers and costs in a tuning as it does in a run of it alone."""

from __future__ import annotations

import json
import random
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowrun.dsl import Source, check_flow, format_file, parse_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.eval import command as evaluate
from support.answering import Answer, Answering, answering
from support.few_cases import few
from support.tunings import report, tuner

HEAD = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2
model strong = "openai:strong" with input_price: 5, output_price: 9
"""
PRICES = {"cheap": (1, 2), "strong": (5, 9)}
ROWS = 14


class Writer:
    """A writer of flows of one or two steps, each with a hole or without."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.count = 0

    def flow(self) -> str:
        while True:
            first, second = self.step(), self.step()
            lines = f"  begun = {first}\n  kind = {second}\n  return {{ kind, begun }}\n"
            text = f"{HEAD}flow label(mail: text) {{\n{lines}}}\n"
            if 0 < text.count("?(") <= 3:
                return format_file(parse_flow(Source(text)))

    def step(self) -> str:
        return self.rng.choice((self.vote, self.vote, self.panel, self.cascade, self.search))()

    def hole(self, *values: float) -> str:
        """Write a hole with two of the values, or one value."""
        if self.rng.random() < 0.5:
            return str(self.rng.choice(values))
        return f"?({', '.join(map(str, sorted(self.rng.sample(values, 2))))})"

    def ask(self, model: str = "cheap") -> str:
        self.count += 1
        return f'ask {model} "Question {self.count} {{{{ mail }}}}" -> spam | fine'

    def rule(self) -> str:
        if self.rng.random() < 0.3:
            return f"window({self.hole(2, 3)})"
        return f"ahead({self.hole(1, 2, 3)})"

    def vote(self) -> str:
        launch = self.rng.choice(("", "", " with launch: together"))
        if self.rng.random() < 0.4:
            return f"repeat {self.hole(2, 3, 5)} {{ {self.ask()} }} reduce majority(ties: first){launch}"
        return f"repeat 3..{self.hole(5, 7, 9)} {{ {self.ask()} }} reduce {self.rule()}{launch}"

    def panel(self) -> str:
        samples = f"repeat 2..{self.hole(3, 4, 6)} over m in [cheap, strong]"
        return f"{samples} {{ {self.ask('m')} }} reduce ahead({self.hole(1, 2)})"

    def cascade(self) -> str:
        first = f"repeat {self.hole(2, 3)} {{ {self.ask()} }} reduce majority(ties: first)"
        return f"cascade {{ {first}\n else {self.ask('strong')} when agreement < {self.hole(0.6, 0.9, 1)} }}"

    def search(self) -> str:
        launch = self.rng.choice(("", " with launch: latency"))
        return f"repeat 1..{self.hole(8, 9)} {{ {self.ask()} }} reduce first(if: result == spam){launch}"


def drawn(seed: int) -> Answer:
    """Return a server's answers: each depends on the model, the prompt and the number of the sample."""

    def answer(prompt: str, model: str, number: int) -> str:
        digest = sha256(f"{seed} {model} {prompt} {number}".encode()).digest()
        # The first samples of a search may fail, but not all of them.
        return "spam" if digest[0] < (200 if model == "strong" else 150) or number >= 6 else "fine"

    return answer


def bill(served: Answering) -> float:
    return sum(PRICES[model][0] * read + PRICES[model][1] * out for model, read, out in served.billed) / 1_000_000


@pytest.mark.parametrize("seed", few([0, 1, 2, 3, 15, 31], 0, 3))
def test_each_setting_is_a_run_of_it_alone(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text, rng = Writer(seed).flow(), random.Random(seed)
    mails = [{"mail": f"mail {at}", "want": rng.choice(("spam", "fine"))} for at in range(ROWS)]
    lines = "".join(f"{json.dumps(one)}\n" for one in mails)
    with answering(drawn(seed)) as server:
        tune = tuner(tmp_path, server)
        (tmp_path / "label.flow").write_text(text, encoding="utf-8")
        (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
        found = report(tune("--lose", "50%", "--sure", "60%", "--json", "--answer", "want=kind"))
    assert found["settings_left"] == 0
    tuning = check_flow(Source(text), catalog()).tuning
    assert tuning is not None
    written = {tuning.texts(one): tuning.write(Source(text), one) for one in tuning.settings()}
    assert sorted(tuple(one["values"].values()) for one in found["settings"]) == sorted(written)
    for at, one in enumerate(found["settings"]):
        alone = tmp_path / f"{at}.flow"
        alone.write_text(written[tuple(one["values"].values())], encoding="utf-8")
        with answering(drawn(seed)) as fresh:
            environ = {"OPENAI_BASE_URL": fresh.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
            given = [str(alone), "--journal", f"{at}.db", "--rows", "rows.jsonl", "--answer", "want=kind", "--json"]
            done = CliRunner(env=environ).invoke(evaluate, given, standalone_mode=False)
        side = json.loads(done.stdout)["sides"][0]
        told = one["right"], one["unanswered"], one["calls_a_row"] * ROWS, one["cost_a_row"] * ROWS
        real = side["right"], side["unanswered"], len(fresh.prompts), bill(fresh)
        assert told == pytest.approx(real), f"{text}\n{one['values']}"
