"""The pages of the diagnostics: each with its severity, an example, what flowrun says of it, and the way out."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from flowrun.dsl import CODES, Diagnostic, FlowError, Source, check_flow, render_diagnostics
from flowrun.dsl import page as page_of
from flowrun.runtime.catalog import catalog

from .. import ROOT, SiteError
from ..markdown import fenced, page, table
from ..navigation import Made
from ..sources import code_place

FAMILIES = {
    "F01": ("The text itself", "The file is no text of the language."),
    "F02": ("Names and dependencies", "A name is unknown or taken, or steps wait for each other."),
    "F03": ("Types, arguments and templates", "A value, an option or a template does not fit."),
    "F04": ("The shape of a flow", "A part is missing, empty, or of the wrong number."),
    "F05": (
        "Untrusted text",
        "Foreign text would reach a place that needs trust, or a vote would not stand against it.",
    ),
    "F06": ("Blocks, models and tests", "A block, a model, an endpoint or a test asks for what cannot be."),
    "F07": ("Allowed, and probably not meant", "Warnings. The file runs."),
}
_LIBRARY = {
    "lib/summaries.flow": 'flow summary(of: text) {\n  short = ask "Summarise: {{ of }}"\n  return short\n}\n',
    "prompts/note.md": "Write a note about this section:\n\n{{ section }}\n",
}
"""The files that examples import."""
_PAGE = re.compile(
    r"# F\d{4}: [^\n]+\n\n(?P<prose>.*?)\n```flow bad\n(?P<bad>.*?)```\n\n```flow good\n(?P<good>.*?)```\n", re.DOTALL
)


def made_codes() -> Made:
    """Make the page of each diagnostic, and the list of all."""
    pages = {"codes/index.md": _list()}
    pages |= {code_place(code): _page(code) for code in CODES}
    groups = {
        f"{family} {title}": tuple(code_place(code) for code in CODES if code.startswith(family))
        for family, (title, _) in FAMILIES.items()
    }
    titles = {code_place(code): f"{code} {CODES[code].title.replace('`', '')}" for code in CODES}
    return Made(pages, titles, groups)


def _list() -> str:
    unknown = [code for code in CODES if code[:3] not in FAMILIES]
    if unknown:
        raise SiteError(f"the codes {', '.join(unknown)} belong to no family of docs/builder/reference/codes.py")
    parts = [
        "A diagnostic has a code. `flowrun explain CODE` shows its page in a terminal. An error stops the file before "
        "a call is sent. A warning does not, except with `flowrun validate --strict`."
    ]
    for family, (title, text) in FAMILIES.items():
        rows = [
            (f"[{code}]({code}/index.md)", entry.title, entry.severity)
            for code, entry in CODES.items()
            if code.startswith(family)
        ]
        parts += [f"## {family}: {title}", text, table(("code", "meaning", "severity"), rows)]
    return page("Diagnostics", *parts)


def _page(code: str) -> str:
    found = _PAGE.fullmatch(page_of(code))
    if not found:
        raise SiteError(f"the page of {code} is not a paragraph, a bad example and a good one")
    findings = _findings(found["bad"])
    severity = "an error: the file does not run" if CODES[code].severity == "error" else "a warning: the file runs"
    if not findings:
        severity = "an error that one command tells: the file runs"
    fix = next((one.fix for one in findings if one.code == code and one.fix), None)
    said = f"`flowrun validate --fix` can {_lower(fix.title)}." if fix and fix.safe else ""
    said = said or (f"An editor offers a fix for this example: {_lower(fix.title)}." if fix else "")
    return page(
        f"{code}: {CODES[code].title}",
        f"Severity: {severity}.",
        _linked(found["prose"], code),
        "## Example",
        fenced(found["bad"], "flow"),
        fenced(render_diagnostics(findings), "text") if findings else "",
        said,
        "## Better",
        fenced(found["good"], "flow"),
    )


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _linked(prose: str, own: str) -> str:
    """Return a text in which each other code is a link to its page."""
    return re.sub(
        r"(?<![\[/`\w])(F\d{4})(?![\w`\]])",
        lambda found: f"[{found[1]}](../{found[1]}/index.md)" if found[1] != own and found[1] in CODES else found[1],
        prose,
    )


@cache
def _findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text, "example.flow"), catalog(), _load).warnings
    except FlowError as error:
        return error.diagnostics


def _load(path: str) -> Source | str:
    return Source(_LIBRARY[path], path) if path in _LIBRARY else "there is no such file"


def lint_files() -> dict[str, str]:
    """Return the code of each file of a lint, by its path in the repository."""
    found = {}
    for path in sorted(Path(ROOT, "dsl", "lints").glob("*.py")):
        if code := re.search(r'"(F07\d\d)"', path.read_text(encoding="utf-8")):
            found[path.relative_to(ROOT).as_posix()] = code[1]
    return found
