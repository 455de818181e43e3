"""The blocks of code in all pages that people write, and the command lines in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

from flowrun.runtime.cli.commands import COMMANDS
from flowrun.runtime.cli.params import FlowCommand
from flowrun.runtime.cli.run import command_for

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)(`{3,}|~{3,})([^\n]*)\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`(flowrun [^`\n]+)`(?!`)")
_ENDS = {"|", "||", "&&", ";", ">", "2>", "<", "&"}
_PLACEHOLDER = re.compile(r"[A-Z]{2,}|…|\.\.\.")


@dataclass(frozen=True)
class Block:
    """A block of code: its page, its line there, the words behind its fence, and its text."""

    page: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.kind or 'plain'}"


def pages() -> list[Path]:
    """Return the pages that people write, and those of diagnostics."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
    docs = [path for path in (ROOT / "docs").rglob("*.md") if "node_modules" not in path.parts]
    return [*filter(Path.is_file, top), *sorted(docs), *sorted((ROOT / "dsl" / "explain").glob("*.md"))]


def blocks_of(text: str, page: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    for found in FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[3].strip(), found[4])


def all_blocks() -> list[Block]:
    """Return the blocks of all pages."""
    found: list[Block] = []
    for path in pages():
        found += blocks_of(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    return found


def inline_commands() -> Iterator[tuple[str, str]]:
    """Yield the command lines between backquotes, each behind the place of its page."""
    for path in pages():
        if path.name == "CHANGELOG.md":
            continue  # it tells of commands as they were
        text = FENCE.sub(lambda found: "\n" * found[0].count("\n"), path.read_text(encoding="utf-8"))
        for found in _INLINE.finditer(text):
            yield f"{path.relative_to(ROOT).as_posix()}:{text.count(chr(10), 0, found.start()) + 1}", found[1]


def commands_in(block: Block) -> Iterator[list[str]]:
    """Yield the words of each call of flowrun in a block of a shell or of a console."""
    text = block.text.replace("\\\n", " ")
    prompt = "$ " if block.kind in ("console", "text") else ""
    for line in text.splitlines():
        if line.startswith(prompt):
            yield from calls(shlex.split(line.removeprefix(prompt), comments=True))


def calls(words: list[str]) -> Iterator[list[str]]:
    """Yield the arguments of each call of flowrun in a line."""
    while words:
        end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
        part, words = words[:end], words[end + 1 :]
        part = part[next((at for at, word in enumerate(part) if "=" not in word or word.startswith("-")), len(part)) :]
        if part and part[0].split("/")[-1] == "flowrun":
            yield part[1:]


def fault_of(arguments: list[str]) -> str:
    """Return what is wrong with the arguments of flowrun, such as an unknown command or option. "" if nothing is."""
    words = [word for word in arguments if word not in ("…", "...", "[…]")]
    if not words or words[0] in ("--help", "-h", "--version"):
        return ""
    first, *rest = words
    if first in COMMANDS:
        command: click.Command = import_module(f"flowrun.runtime.cli.{first}").command
        return _parsed(command, rest, first)
    if first.endswith(".flow") or _PLACEHOLDER.fullmatch(first.removesuffix(".flow")):
        path = ROOT / first
        return _flow_fault(command_for(path if path.is_file() else Path(first)), first, rest)
    return f"there is no command `{first}`"


def _parsed(command: click.Command, words: list[str], name: str) -> str:
    if isinstance(command, FlowCommand):
        file = next((word for word in words if not word.startswith("-") and re.search(r"\.flow$|[/*]", word)), "")
        return _flow_fault(command, file, [word for word in words if word != file])
    context = click.Context(command, info_name=name)
    try:
        _, left, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message()
    if isinstance(command, click.Group) and left:
        inner = command.get_command(context, left[0])
        return _parsed(inner, left[1:], left[0]) if inner else f"`{name}` has no command `{left[0]}`"
    return ""


def _flow_fault(command: click.Command, file: str, words: list[str]) -> str:
    """Return what is wrong with options of a command that also takes the parameters of a flow."""
    path = ROOT / file
    known = {name: param for param in command.params for name in (*param.opts, *param.secondary_opts)}
    own = _parameters(path) if path.is_file() else None
    at = 0
    while at < len(words):
        word, sign, _ = words[at].partition("=")
        at += 1
        param = known.get(word)
        if not word.startswith("-") or word == "-":
            if not _PLACEHOLDER.fullmatch(word):
                return f"`{word}` is an extra word"
        elif param is not None or re.match(r"--(output|name-from)\.\w+$", word):
            at += not (isinstance(param, click.Option) and param.is_flag) and not sign
        elif re.fullmatch(r"--(param-)?[a-z_]\w*", word) and (own is None or word.removeprefix("--") in own):
            at += not sign
        else:
            return f"there is no option `{word}`"
    return "" if at == len(words) else "the last option has no value"


def _parameters(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    heads = re.findall(r"^flow \w+\((.*?)\)", text, re.MULTILINE | re.DOTALL)
    return {name for head in heads for name in re.findall(r"(\w+)\s*:", head)}
