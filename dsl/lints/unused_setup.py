"""No test uses the lines of a `setup`. Perhaps a test should begin with `setup NAME`, or the setup can go. Only the
tests of its own file can use a setup.

```flow bad
flow label(mail: text) {
  kind = ask "Spam? {{ mail }}" -> spam | fine
  return kind
}

setup common of label {
  mail = "You have won"
}

test "an offer is spam" of label {
  mail = "You have won"
  reply kind: spam
  expect kind == spam
}
```

```flow good
flow label(mail: text) {
  kind = ask "Spam? {{ mail }}" -> spam | fine
  return kind
}

setup common of label {
  mail = "You have won"
}

test "an offer is spam" of label {
  setup common
  reply kind: spam
  expect kind == spam
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint


def unused_setup(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    file = program.file
    used = {line.name.text for test in file.tests for line in test.lines if isinstance(line, s.SetupUse)}
    return [
        Diagnostic(
            "F0420",
            f"no test uses the setup `{setup.name.text}`",
            setup.name.span,
            note="its lines change no test",
            help=f"write `setup {setup.name.text}` in a test, or delete the setup",
        )
        for setup in file.setups
        if setup.name.text not in used
    ]


LINT = Lint("F0420", unused_setup)
