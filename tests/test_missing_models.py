"""What a run says on a machine that lacks its model: one sentence with the ways out, before the run begins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowrun.runtime import RunOptions, run
from flowrun.runtime.vocabulary.errors import UsageError
from support.patience import PATIENCE, eventually

WITHOUT = "import sys; sys.modules['xllamacpp'] = None; from flowrun.runtime.cli import main; main()"
MODULE = "import sys, types; sys.modules['xllamacpp'] = m = types.ModuleType('x'); m.__spec__ = object()\n"
WITH = f"{MODULE}from flowrun.runtime.cli import main; main()"
FLOW = """flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only:\\n{{ email }}" -> SPAM | NOT
  } reduce majority
  return verdict
}
"""
TEST = """
test "a vote" of is_spam {
  email = "x"
  reply verdict: SPAM, NOT, SPAM
  expect verdict == SPAM
}
"""


def begin(folder: Path, *words: str, code: str = WITHOUT, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(folder: Path, *words: str, **environ: str) -> tuple[int, str]:
    """Run a command without the engine, and return its exit code and what it says."""
    process = begin(folder, *words, **environ)
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert out == ""
    return process.returncode, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.flow").write_text(FLOW)
    return tmp_path


def runs(folder: Path) -> int:
    """Count the runs in the journal."""
    process = begin(folder, "runs", "--json")
    out, _ = process.communicate(timeout=PATIENCE)
    return out.count('"run"')


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--workers", "2"),
        pytest.param(("--model", "embedded:tiny"), marks=pytest.mark.slow),
        pytest.param(("--budget", "9 calls"), marks=pytest.mark.slow),
    ],
)
def test_one_sentence_with_three_ways_out_comes_before_the_run(words: tuple[str, ...], folder: Path) -> None:
    code, err = ended(folder, "a.flow", "--email", "x", *words)
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith("flowrun: the local model needs its engine, which is not installed: ")
    assert [way in line for way in ("pip install 'flowrun-dsl[local]'", "--model", "OPENAI_API_KEY")] == [True] * 3
    assert runs(folder) == 0


def test_a_model_that_the_flow_names_is_looked_for_too(folder: Path) -> None:
    (folder / "a.flow").write_text('model m = "embedded:tiny"\n' + FLOW.replace("ask ", "ask m "))
    code, err = ended(folder, "a.flow", "--email", "x")
    assert (code, "the local model needs its engine" in err, runs(folder)) == (2, True, 0)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"FLOWRUN_GGUF": "/no/such.gguf"}, "FLOWRUN_GGUF names /no/such.gguf, which cannot be read"),
        ({"FLOWRUN_CACHE": "/proc/no"}, "set FLOWRUN_CACHE to a folder with room for them"),
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}, "or name another model with --model"),
        ({"FLOWRUN_MODEL": "openai:gpt-4o-mini"}, "set OPENAI_API_KEY"),
        ({"FLOWRUN_MODEL": "lab:m", "FLOWRUN_TOML": "1"}, "LAB_KEY"),
    ],
)
def test_weights_and_keys_are_missed_before_the_run(environ: dict[str, str], said: str, folder: Path) -> None:
    if "FLOWRUN_TOML" in environ:
        (folder / "flowrun.toml").write_text(
            '[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = "LAB_KEY"\n'
        )
    process = begin(folder, "a.flow", "--email", "x", code=WITH, **environ)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, err
    assert said in err
    assert "left out" not in err
    assert runs(folder) == 0


def test_all_that_is_missing_is_told_at_once(folder: Path) -> None:
    models = 'model a = "openai:x"\nmodel b = "anthropic:y"\n'
    (folder / "a.flow").write_text(models + 'flow f(w: text) { x = ask a "{{ w }}" y = ask b "{{ x }}" return y }\n')
    code, err = ended(folder, "a.flow", "--w", "x")
    assert (code, "OPENAI_API_KEY" in err, "ANTHROPIC_API_KEY" in err) == (2, True, True), err


def test_tests_need_no_model_and_evaluations_do(folder: Path) -> None:
    (folder / "a.flow").write_text(FLOW + TEST)
    process = begin(folder, "test", "a.flow")
    assert process.communicate(timeout=PATIENCE)[0].startswith("1 test")
    assert process.returncode == 0
    (folder / "rows.jsonl").write_text('{"email": "x", "want": "SPAM"}\n')
    code, err = ended(folder, "eval", "a.flow", "--rows", "rows.jsonl", "--answer", "want=verdict", "--yes")
    assert (code, err.count("the local model needs its engine")) == (2, 1), err


def test_python_raises_the_same_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(UsageError, match="the local model needs its engine"):
        run(folder / "a.flow", email="x", options=RunOptions(environ={"HOME": str(folder)}, journal=None))


def test_a_run_that_goes_on_misses_it_too(folder: Path) -> None:
    (folder / "a.flow").write_text(
        'flow f(word: text) {\n  n = ask human "How many? {{ word }}" -> int\n  a = ask "Say {{ word }} {{ n }}"\n'
        "  return a\n}\n"
    )
    (folder / "own.gguf").write_bytes(b"GGUF")
    begun = begin(folder, "a.flow", "--word", "x", code=WITH, FLOWRUN_GGUF=str(folder / "own.gguf"))
    assert (begun.communicate(timeout=PATIENCE)[1] != "", begun.returncode) == (True, 6)
    code, err = ended(folder, "resume", "last")
    assert (code, "the local model needs its engine" in err, runs(folder)) == (2, True, 1)


def test_a_download_before_the_run_can_be_stopped(folder: Path) -> None:
    slow = (
        f"import asyncio\n{MODULE}"
        "from flowrun.runtime.providers.embedded import weights\n"
        "async def ensure(*given):\n    open('mark', 'w').close()\n    await asyncio.sleep(60)\n"
        "weights.ensure = ensure\n"
        "from flowrun.runtime.cli import main; main()"
    )
    process = begin(folder, "a.flow", "--email", "x", code=slow)
    eventually((folder / "mark").exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    assert runs(folder) == 0
