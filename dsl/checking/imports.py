"""Imports: the path of an imported file, and the names that it brings in.

This module reads no file. Its callers provide the checked files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from .. import syntax as s
from ..diagnostics import Diagnostic, Label
from ..source import Span
from .callees import Callee, Exports, Imported
from .file_paths import joined_path, wrong_path
from .program import Program
from .typed import Typed


def import_path(importer: str, decl: s.ImportDecl) -> str | Diagnostic:
    """Return the path of an imported file, or the problem with it.

    Like ``importer``, the path starts at the folder of the flow that is run.
    """
    written = decl.path.value
    path = PurePosixPath(written)
    help = 'write a path to a file in this folder or below it: `import "lib/x.flow"`'
    if not written.endswith(".flow") or path.stem in ("", ".flow"):
        reason, help = "an import must name a .flow file", f'write `import "{written.rstrip("/") or "x"}.flow"`'
    elif not (reason := wrong_path(written, "an import", "reach files")):
        return joined_path(importer, written)
    return Diagnostic("F0209", reason, decl.path.span, help=help)


def exports(path: str, program: Program, typed: Typed) -> Exports:
    """Return the flows, types, texts and prompts of a checked file that other files can import."""
    named = [flow.decl.name.text for flow in program.flows]
    flows = {
        name: Callee(name, "flow", own.params, own.result, path, typed.folding.result(name))
        for name, own in typed.own.items()
        if name in named and own.kind == "flow"
    }
    own = {text.name.text: symbol for text in program.file.texts if (symbol := program.scope.lookup(text.name.text))}
    texts = {name: text for name, symbol in own.items() if (text := symbol.text()) is not None}
    prompts = {name: replace(prompt, path=path) for name, prompt in typed.prompts.items()}
    return Exports(path, flows, typed.declared, texts, prompts)


def bring(program: Program, files: Mapping[int, Exports | None]) -> tuple[Imported, list[Diagnostic]]:
    """Collect the names that the imports of a file bring in. Report names that are already taken.

    ``files`` has the exports of each imported file, by the place of the import. None if they are not known.
    """
    imported = Imported()
    problems: list[Diagnostic] = []
    seen: dict[tuple[str, str], s.ImportDecl] = {}
    for place, decl in enumerate(program.file.imports):
        prefix = decl.prefix.text if decl.prefix else ""
        brought = files.get(place)
        if brought is None:
            imported.broken.add(prefix)
            continue
        first = seen.setdefault((brought.path, prefix), decl)
        if first is not decl:
            problems.append(
                Diagnostic(
                    "F0202",
                    f"`{brought.path}` is imported already",
                    decl.path.span,
                    labels=(Label(first.path.span, "here"),),
                    help="delete one of the two",
                )
            )
            continue
        if prefix in imported.paths:
            # The check of names reports two files with one prefix.
            continue
        if prefix:
            imported.paths[prefix] = brought.path
        for name in [*brought.flows, *brought.types, *brought.prompts]:
            if not prefix and (taken := _taken(name, program, imported)):
                problems.append(_clash(name, brought.path, decl, taken))
                continue
            if name in brought.flows:
                imported.flows[prefix, name] = brought.flows[name]
            elif name in brought.types:
                imported.types[prefix, name] = brought.types[name]
            else:
                imported.prompts[prefix, name] = brought.prompts[name]
    return imported, problems


def _taken(name: str, program: Program, imported: Imported) -> Span | str | None:
    """Return the owner of a name: the span of a declaration in this file, or another import.

    None if the name is free.
    """
    if name in program.declared:
        return program.declared[name]
    if ("", name) in imported.flows:
        return imported.flows["", name].path
    return "another import" if ("", name) in imported.types or ("", name) in imported.prompts else None


def _clash(name: str, path: str, decl: s.ImportDecl, taken: Span | str) -> Diagnostic:
    labels = (Label(taken, "this import brings the same name"),) if isinstance(taken, Span) else ()
    note = f"`{taken}` brings the same name" if isinstance(taken, str) else ""
    stem = PurePosixPath(path).stem
    prefix = stem if stem.isidentifier() else "x"
    return Diagnostic(
        "F0202",
        f"`{path}` brings the name `{name}`, and that name is taken",
        decl.path.span,
        labels=labels,
        note=note,
        help=f'import the file under a prefix, `import "{decl.path.value}" as {prefix}`, and write `{prefix}.{name}`',
    )


def missing(decl: s.ImportDecl, reason: str) -> Diagnostic:
    return Diagnostic("F0209", f"this file cannot be imported: {reason}", decl.path.span)


def circle(chain: list[str], decl: s.ImportDecl) -> Diagnostic:
    """Report a circle of imports.

    ``chain`` has the paths from the file that imports itself to the file that closes the circle.
    """
    return Diagnostic(
        "F0204",
        f"`{chain[0]}` imports itself",
        decl.path.span,
        note=f"{' → '.join([*chain, chain[0]])}: the checker cannot decide which file to read first",
        help="move the shared declarations into a third file, and import that file in both",
    )
