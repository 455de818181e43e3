"""The files for Vim and Neovim, in the real editors without a screen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.editor_words import ROOT, roles
from support.few_cases import few
from support.patience import PATIENCE

VIM = ROOT / "grammars" / "editors" / "vim"
COMMANDS = Path(sys.executable).parent
LEAST_SHARE = 0.9
TEXT = '''# A comment with """ and ask.
model fast = "openai:gpt-4o-mini"
type Kind = spam | fine
flow main(mail: text, n: int = 3) {
  kind = repeat 3 {
    ask fast """
      Is {{ mail | trim }} "spam"? {% if n %}Yes{% endif %}{# why #}
    """ -> Kind
  } reduce majority with errors: keep, timeout: 30s
  return kind
}
'''
GROUPS = {
    "A comment": "flowrunComment",
    'model fast = "': "flowrunDeclaration",
    "fast =": "flowrunName",
    "type Kind": "flowrunDeclaration",
    "text,": "flowrunType",
    "kind = repeat": "flowrunStep",
    "repeat 3": "flowrunKeyword",
    "3 {": "flowrunNumber",
    "ask fast": "flowrunKeyword",
    "Is {{": "flowrunTriple",
    "{{ mail": "flowrunMark",
    "trim }}": "flowrunFilter",
    "if n": "flowrunTemplateWord",
    "{# why": "flowrunTemplateComment",
    "Kind\n  }": "flowrunTypeName",
    "reduce majority": "flowrunKeyword",
    "majority": "flowrunReducer",
    "errors:": "flowrunOption",
    "timeout:": "flowrunOption",
    "30s": "flowrunNumber",
    "return": "flowrunKeyword",
}
OF_ROLES = {
    "keyword": "Declaration|Keyword|Join|TemplateWord|Constant",
    "string": "String|Triple|Escape|TemplateString|Output|Line",
    "comment": "Comment|Directive|TemplateComment",
    "number": "Number",
    "mark": "Mark",
    "type": "Type|TypeName",
    "reducer": "Reducer",
    "filter": "Filter",
    "option": "Option",
}
both = pytest.mark.parametrize("program", ["vim", "nvim"])


def editor(program: str, folder: Path, script: str, *files: Path) -> str:
    """Run a script of Vim in an editor. Return what it put into the file `out` by `call Out(…)`."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here")
    out = folder / "out"
    head = (
        f"set nocompatible encoding=utf-8 nomore\nset runtimepath^={VIM}\nfiletype plugin indent on\nsyntax on\n"
        f"function Out(value)\n  call writefile([json_encode(a:value)], '{out}')\nendfunction\n"
    )
    (folder / "begin.vim").write_text(head)
    (folder / "script.vim").write_text(f"try\n{script}\ncatch\n  call Out(v:exception . v:throwpoint)\nendtry\nqall!\n")
    words = [found, "-u", "begin.vim", "-i", "NONE", "-n"]
    words += ["--headless"] if program == "nvim" else ["-es", "-N"]
    environ = {**os.environ, "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb"}
    done = subprocess.run(
        [*words, *map(str, files), "-S", "script.vim"],
        cwd=folder,
        env={**environ, "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert out.exists(), done.stdout + done.stderr
    return out.read_text(encoding="utf-8")


def places(text: str, offsets: list[int]) -> list[list[int]]:
    """Return lines and columns in bytes, both from 1."""
    made = []
    for at in offsets:
        begin = text.rfind("\n", 0, at) + 1
        made.append([text.count("\n", 0, at) + 1, len(text[begin:at].encode()) + 1])
    return made


def groups(program: str, folder: Path, texts: list[tuple[str, list[int]]]) -> list[list[str]]:
    """Return the groups of the syntax at offsets of texts."""
    rows = []
    for number, (text, offsets) in enumerate(texts):
        path = folder / f"t{number}.flow"
        path.write_text(text, encoding="utf-8")
        rows.append([str(path), places(text, offsets)])
    (folder / "asked").write_text(json.dumps(rows))
    script = """
let g:made = []
for [s:path, s:places] in json_decode(join(readfile('asked'), ''))
  execute 'edit' fnameescape(s:path)
  syntax sync fromstart
  call add(g:made, map(s:places, {_, at -> synIDattr(synID(at[0], at[1], 1), 'name')}))
endfor
call Out(g:made)
"""
    found: list[list[str]] = json.loads(editor(program, folder, script))
    assert isinstance(found, list), found
    return found


@both
def test_places_have_their_groups(program: str, tmp_path: Path) -> None:
    offsets = [TEXT.index(part) for part in GROUPS]
    (found,) = groups(program, tmp_path, [(TEXT, offsets)])
    assert dict(zip(GROUPS, found, strict=True)) == GROUPS


@pytest.mark.parametrize("each", few([1, 5], 5))
def test_words_of_all_flows_have_the_groups_of_their_roles(tmp_path: Path, each: int) -> None:
    flows = [
        (text, [one for one in tokens if one[2] in OF_ROLES and text[one[0] : one[1]].strip()])
        for _, text, tokens in [*roles()][::each]
    ]
    found = groups("vim", tmp_path, [(text, [start for start, _, _ in tokens]) for text, tokens in flows])
    same, other = 0, []
    for (text, tokens), names in zip(flows, found, strict=True):
        for (start, end, role), name in zip(tokens, names, strict=True):
            if re.fullmatch(f"flowrun(?:{OF_ROLES[role]})", name):
                same += 1
            else:
                other.append(
                    f"{text[start:end][:30]!r}: {role} has {name} | {text[text.rfind(chr(10), 0, start) : end]!r}"
                )
    assert same / (same + len(other)) >= LEAST_SHARE, "\n".join(other[:60])


@both
def test_make_fills_the_quickfix_list(program: str, tmp_path: Path) -> None:
    path = tmp_path / "it's a $(touch gone).flow"
    path.write_text('flow f(m: text) {\n  x = ask "{{ n }}"\n  return y\n}\n')
    script = f"""
execute 'edit' fnameescape("{path}")
silent make!
call Out(map(getqflist(), {{_, one -> [one.lnum, one.col, one.type, one.nr, one.text]}}))
"""
    found = json.loads(editor(program, tmp_path, script))
    assert [one[:4] for one in found] == [[2, 15, "E", 201], [3, 10, "E", 201]], found
    assert "the name `n` is unknown" in found[0][4]
    assert not (tmp_path / "gone").exists()


@both
def test_indentation_is_that_of_the_formatter(program: str, tmp_path: Path) -> None:
    names = ("workflows/refunds.flow", "tests/corpus/ok/rounds.flow", "tests/corpus/ok/matches.flow")
    same = every = 0
    other = []
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8")
        path = tmp_path / "x.flow"
        path.write_text("\n".join(line.strip() for line in text.split("\n")), encoding="utf-8")
        editor(program, tmp_path, "edit x.flow\nsilent normal! gg=G\nwrite\ncall Out(1)")
        for want, got in zip(text.split("\n"), path.read_text(encoding="utf-8").split("\n"), strict=True):
            every += 1
            same += want == got
            other += [(want, got)] if want != got else []
    assert same / every >= 0.95, other


def test_settings_of_the_buffer(tmp_path: Path) -> None:
    (tmp_path / "x.flow").write_text(TEXT)
    script = "edit x.flow\ncall Out([&filetype, &commentstring, &shiftwidth, &makeprg])"
    assert json.loads(editor("vim", tmp_path, script)) == ["flowrun", "# %s", 2, "flowrun validate %:S"]


def test_neovim_talks_with_the_server(tmp_path: Path) -> None:
    pytest.importorskip("pygls")
    (tmp_path / "x.flow").write_text('flow f(m: text) {\n   x = ask "Say {{ m }}" -> yes | no\n  return y\n}\n')
    (tmp_path / "try.lua").write_text(
        """
require("flowrun").setup()
vim.cmd("edit x.flow")
local function within(holds)
  assert(vim.wait(60000, holds, 20), "it takes too long")
end
local made = {}
within(function() return #vim.diagnostic.get(0) > 0 end)
made.found = vim.diagnostic.get(0)[1].message
local where = { textDocument = vim.lsp.util.make_text_document_params(), position = { line = 1, character = 3 } }
local answer = vim.lsp.buf_request_sync(0, "textDocument/hover", where, 60000)
for _, one in pairs(answer) do made.hover = one.result.contents.value end
vim.api.nvim_buf_set_lines(0, 2, 3, true, { "  return x" })
within(function() return #vim.diagnostic.get(0) == 0 end)
if vim.lsp.buf.format then vim.lsp.buf.format({ timeout_ms = 60000 })
else vim.lsp.buf.formatting_sync(nil, 60000) end
made.lines = vim.api.nvim_buf_get_lines(0, 0, -1, true)
vim.fn.Out(made)
"""
    )
    found = json.loads(editor("nvim", tmp_path, "luafile try.lua"))
    assert isinstance(found, dict), found
    assert "`y` is unknown" in found["found"]
    assert "yes | no" in found["hover"]
    assert found["lines"][1] == '  x = ask "Say {{ m }}" -> yes | no'


def test_a_hostile_file_runs_nothing(tmp_path: Path) -> None:
    lines = ["# vim: set makeprg=touch\\ gone:", '# {{ system("touch gone") }}', "flow f(m: text) {"]
    text = "\n".join([*lines, '  return "`touch gone` $(touch gone)"', "}", ""])
    (tmp_path / "x.flow").write_text(text)
    editor("vim", tmp_path, "edit x.flow\nredraw\nsilent make!\nsilent normal! gg=G\ncall Out(1)")
    assert not (tmp_path / "gone").exists()
