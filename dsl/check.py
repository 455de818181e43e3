"""The whole checker. It reads a file and its imports, and checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from . import syntax as s
from .catalog import Catalog
from .checked import Checked, hidden, in_order, units_of
from .checking.calculations import no_values
from .checking.callees import Exports
from .checking.defaults import with_defaults
from .checking.dependencies import depend
from .checking.ignores import silence
from .checking.imports import bring, circle, exports, import_path, missing
from .checking.names import resolve
from .checking.returned_calls import with_returned_calls
from .checking.structure import structure
from .checking.typecheck import typecheck
from .diagnostics import Diagnostic, FlowError
from .guesses import with_guesses
from .lints import lints_for
from .parsing.parse import parse_flow
from .records import dataclass
from .source import Source

if TYPE_CHECKING:
    from . import plan as p
    from .holes.tuning import Tuning
    from .labels.places import Labels
    from .lint_settings import LintSettings

UNSURE = frozenset({"F0201", "F0202", "F0205", "F0209", "F0211", "F0304", "F0305"})
"""The codes after which a mention may be lost, so that no lint can tell which names are never used."""
MOST_FILES = 500
TOO_MANY = f"a flow can read at most {MOST_FILES} other files"
DEEPEST_IMPORT = 50

BREACHES = frozenset({"F0502", "F0503", "F0504", "F0505"})
"""The errors of untrusted text in trusted places. A file that has no other errors still has a plan."""

Load = Callable[[str], Source | str]
"""A function that reads an imported file, or that of a prompt, by its path. It returns the reason if it cannot."""
LabelledFlow: TypeAlias = "tuple[p.Plan, Labels]"


@dataclass(frozen=True, slots=True)
class Examined:
    """A file with its errors and warnings.

    ``checked`` is None if the file has errors besides ``BREACHES``. ``flows`` has the flows of a file with labels that
    no other flow of the file calls.
    """

    source: Source
    checked: Checked | None
    findings: tuple[Diagnostic, ...]
    flows: tuple[LabelledFlow, ...] = ()


def check_flow(
    source: Source, catalog: Catalog, load: Load | None = None, lints: LintSettings | None = None
) -> Checked:
    """Read and check a flow file, and the files that it imports through ``load``. ``lints`` chooses the warnings.

    Raises FlowError if there is an error. It has the errors and warnings of all files.
    """
    found = examine_flow(source, catalog, load, lints)
    if found.checked is None or any(one.severity == "error" for one in found.findings):
        raise FlowError(found.findings)
    return found.checked


def examine_flow(
    source: Source, catalog: Catalog, load: Load | None = None, lints: LintSettings | None = None
) -> Examined:
    """Check a flow file as ``check_flow`` does, and keep the labels of its flows."""
    found = examine_tree(source, catalog, load)[0]
    if lints is not None:
        from .lint_settings import shown_by  # few projects have such settings

        if found.checked is not None:
            found.checked.warnings = shown_by(lints, found.checked.warnings)
        return Examined(source, found.checked, shown_by(lints, found.findings), found.flows)
    return found


def examine_tree(
    source: Source, catalog: Catalog, load: Load | None = None, *, quick: bool = False
) -> tuple[Examined, Checked | None]:
    """Check a flow file as ``examine_flow`` does. Return also the file as far as it is known, even if it has errors.

    It is None if the text does not parse. With ``quick`` no fix is tried, so each fix counts as a guess.
    """
    files = _Files(catalog, load)
    try:
        checked = files.root(source)
        if files.tuning is not None and not quick:
            from .check_settings import check_every

            check_every(checked, lambda setting: _Files(catalog, load, setting).root(source))
    except FlowError as error:
        from .fixes import offered, untried  # most texts have nothing to mend

        def again(changed: Source) -> tuple[Diagnostic, ...]:
            return _findings(source, changed, catalog, load)

        guessed = with_guesses(error.diagnostics)
        found = untried(guessed) if quick else offered(guessed, again)
        broken = any(one.severity == "error" and one.code not in BREACHES for one in found)
        flows = () if broken else tuple(files.flows)
        return Examined(source, None if broken else files.first, hidden(found), flows), files.first
    return Examined(source, checked, checked.warnings, tuple(files.flows)), checked


def _findings(source: Source, changed: Source, catalog: Catalog, load: Load | None) -> tuple[Diagnostic, ...]:
    """Return all problems after a change of one text, which is this file or a file that it imports."""

    def read(path: str) -> Source | str:
        found = load(path) if load is not None else ""
        return changed if isinstance(found, Source) and found.name == changed.name else found

    try:
        root = changed if changed.name == source.name else source
        return _Files(catalog, read if load else None).root(root).warnings
    except FlowError as error:
        return error.diagnostics


def _check(
    file: s.File,
    catalog: Catalog,
    files: Mapping[int, Exports | None],
    problems: list[Diagnostic],
    done: Mapping[str, Checked] | None = None,
    flows: list[LabelledFlow] | None = None,
    prompts: Mapping[int, s.String] | None = None,
) -> Checked:
    """Check one file and add its problems to ``problems``.

    ``files`` has the exports of its imports. ``done`` has the files that are checked already. ``flows`` gets the
    labels of its flows. ``prompts`` has the texts of its prompts in other files.
    """
    file = with_returned_calls(file, catalog.functions)
    file = with_defaults(file, catalog)
    problems += structure(file)
    if file.endpoints:
        from .checking.endpoints import check_endpoints  # few files declare endpoints

        problems += check_endpoints(file, catalog)
    program = resolve(file, files, prompts)
    problems += program.problems
    imported, clashes = bring(program, files)
    problems += clashes
    combining = [one.name.text for one in file.externs if any(param.name.text == "results" for param in one.params)]
    own = {
        *(one.name.text for one in file.flows),
        *(one.name.text for one in file.externs),
        *imported.names("", "flows"),
    }
    catalog = catalog.beside(combining).without(own)
    dependencies = depend(program)
    typed = typecheck(program, catalog, dependencies, imported, units_of(done or {}) if file.scripts else {})
    problems += [*_without_words(dependencies.problems, typed.problems), *typed.problems]
    problems += no_values(program, typed.folding)
    errors = any(problem.severity == "error" for problem in problems)
    unsure = imported.broken or any(problem.code in UNSURE for problem in problems)
    lints = () if unsure else lints_for(file.span.source.text, near=errors)
    warnings = [found for lint in lints for found in lint(program, typed, catalog)]
    if not (errors or imported.broken) and (file.labelled or any(one.file.labelled for one in (done or {}).values())):
        from .labels.report import label_findings  # most files have no labels

        checked = Checked(file, program, dependencies, typed, catalog, (), imported, done or {})
        for found in label_findings(checked, flows):
            (problems if found.severity == "error" else warnings).append(found)
        errors = any(problem.severity == "error" for problem in problems)
    warnings = silence(file, warnings, complete=not errors)
    return Checked(file, program, dependencies, typed, catalog, in_order(warnings), imported)


def _without_words(needs: Sequence[Diagnostic], typed: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the errors of dependencies, except for the false ones.

    A word may be both a choice and the name of a step. The file already has another error about it, F0308.
    """
    words = {problem.span for problem in typed if problem.code == "F0308"}
    return [one for one in needs if words.isdisjoint([one.span, *(label.span for label in one.labels)])]


class _Files:
    """The files of a flow and of its imports.

    Each file is read and checked once, even if several files import it.
    """

    def __init__(self, catalog: Catalog, load: Load | None, setting: tuple[int, ...] | None = None) -> None:
        self.catalog = catalog
        self.setting = setting
        self.tuning: Tuning | None = None
        self.load = load
        self.problems: list[Diagnostic] = []
        self.first: Checked | None = None
        self.flows: list[LabelledFlow] = []
        self.done: dict[str, Checked] = {}
        self.exports: dict[str, Exports | None] = {}
        self.texts: dict[str, Source | str] = {}

    def root(self, source: Source) -> Checked:
        checked = self.check(source, [PurePosixPath(source.name).name])
        found = self.problems if checked is None else [*self.problems, *checked.warnings]
        if checked is None or any(problem.severity == "error" for problem in found):
            raise FlowError(in_order(found))
        for one in self.done.values():
            one.imports = self.done
        files = [checked, *self.done.values()]
        if any(flow.budget is not None for file in files for flow in file.file.flows):
            from .budget_check import over_budget

            if over := over_budget(files):
                raise FlowError(in_order([*found, *over]))
        checked.warnings = hidden(with_guesses(in_order(found)))
        checked.tuning = self.tuning
        return checked

    def check(self, source: Source, chain: list[str]) -> Checked | None:
        """Check the file at the end of a chain of imports. Return None if the file cannot be parsed."""
        try:
            file = parse_flow(source)
        except FlowError as error:
            self.problems += error.diagnostics
            return None
        if file.holes:
            from .holes.fill import fill  # few files have holes

            file, self.tuning, problems = fill(file, self.setting, imported=len(chain) > 1)
            if problems:
                self.problems += problems
                return None
        files = {place: self.follow(decl, chain) for place, decl in enumerate(file.imports)}
        prompts = {place: text for place, decl in enumerate(file.prompts) if (text := self.prompt(place, decl, chain))}
        if len(chain) > 1:
            return _check(file, self.catalog, files, self.problems, self.done, None, prompts)
        self.first = _check(file, self.catalog, files, self.problems, self.done, self.flows, prompts)
        self.first.imports = self.done
        return self.first

    def follow(self, decl: s.ImportDecl, chain: list[str]) -> Exports | None:
        path = import_path(chain[-1], decl)
        if isinstance(path, Diagnostic):
            self.problems.append(path)
            return None
        if path in chain:
            self.problems.append(circle(chain[chain.index(path) :], decl))
            return None
        if path in self.exports:
            return self.exports[path]
        source = self.read(path, chain)
        if isinstance(source, str):
            # Too many files are reported once.
            if source != TOO_MANY or all(source not in problem.message for problem in self.problems):
                self.problems.append(missing(decl, source))
            return None
        before = len(self.problems)
        checked = self.check(source, [*chain, path])
        broken = checked is None or any(problem.severity == "error" for problem in self.problems[before:])
        self.exports[path] = None if broken or checked is None else exports(path, checked.program, checked.typed)
        if checked is not None:
            self.done[path] = checked
        return self.exports[path]

    def prompt(self, place: int, decl: s.PromptDecl, chain: list[str]) -> s.String | None:
        """Return the text of a prompt's file. Report the prompt and return None if there is no such text."""
        from .checking.prompt_files import missing_prompt, prompt_path, prompt_text

        path = prompt_path(chain[-1], decl)
        if isinstance(path, Diagnostic):
            self.problems.append(path)
            return None
        if path not in self.texts:
            self.texts[path] = self.read(path, chain)
        source = self.texts[path]
        if source == TOO_MANY and any(TOO_MANY in problem.message for problem in self.problems):
            return None
        found = [missing_prompt(decl, source)] if isinstance(source, str) else prompt_text(source, place, decl)
        if isinstance(found, s.String):
            return found
        self.problems += found
        return None

    def read(self, path: str, chain: list[str]) -> Source | str:
        if self.load is None:
            return "this flow has no folder, so other files cannot be found"
        if len(chain) > DEEPEST_IMPORT:
            return f"imports are nested deeper than {DEEPEST_IMPORT} files"
        if len(self.exports) + len(self.texts) >= MOST_FILES:
            return TOO_MANY
        return self.load(path)
