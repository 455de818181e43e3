"""The places where a label means something, and the reports about labels in other places."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import FunctionSpec
from ..diagnostics import Diagnostic

LABEL_WAY = "a label stands before a type, `mail: untrusted text`, or before the reading of a file, `untrusted file(…)`"
_READS = "label the reading of a file, as in `untrusted file(…)`, a parameter, or the result of an extern"


def label_of_call(call: s.Call, function: FunctionSpec | None) -> Diagnostic | None:
    """Report the label of a call that reads no file, or a label `trusted` before a call."""
    label = call.label
    if label is None:
        return None
    if function is None:
        help = "write the label in its declaration: `extern f(…) -> untrusted json from …`, `flow f(x: untrusted text)`"
        return _report(label, f"the call of `{call.function.text}` takes no label", help)
    if not function.reads:
        return _report(label, f"`{function.name}` reads no file, so a label means nothing before it", _READS)
    if label.text == "trusted":
        help = "delete `trusted`: a file without a label is trusted"
        return _report(label, "a file is trusted unless a label says otherwise", help)
    return None


def label_of_param(param: s.Param, type_: t.Type, *, extern: bool) -> Diagnostic | None:
    """Report a label that a parameter cannot have: any label on a model, and `untrusted` on an extern's parameter."""
    label = param.label
    if label is None:
        return None
    if t.holds_model(type_):
        help = "delete the label: a model comes from a declaration, and no text can name one"
        return _report(label, "a parameter for a model has no label", help)
    if extern and label.text == "untrusted":
        help = "delete `untrusted`, or write `trusted` if no untrusted text may reach this parameter"
        return _report(label, "an extern's parameter takes untrusted data unless it is `trusted`", help)
    return None


def _report(label: s.Word, message: str, help: str) -> Diagnostic:
    return Diagnostic("F0501", message, label.span, help=help)
