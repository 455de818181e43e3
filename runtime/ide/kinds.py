"""The kinds and roles of names as the protocol has them."""

from __future__ import annotations

from lsprotocol import types as lsp

K = lsp.CompletionItemKind
S = lsp.SymbolKind
T = lsp.SemanticTokenTypes
M = lsp.SemanticTokenModifiers

COMPLETION = {
    "flow": K.Function,
    "extern": K.Function,
    "type": K.Struct,
    "field": K.Field,
    "param": K.Variable,
    "step": K.Variable,
    "branch": K.Variable,
    "element": K.Variable,
    "index": K.Variable,
    "model": K.Class,
    "endpoint": K.Class,
    "text": K.Constant,
    "prompt": K.Function,
    "import": K.Module,
    "setup": K.Variable,
    "results": K.Variable,
    "last": K.Variable,
    "answer": K.Variable,
    "choice": K.EnumMember,
    "reducer": K.Method,
    "function": K.Function,
    "filter": K.Function,
    "option": K.Property,
    "keyword": K.Keyword,
    "snippet": K.Snippet,
    "file": K.File,
    "folder": K.Folder,
    "test": K.Event,
    "provider": K.Module,
    "value": K.Value,
}
SYMBOL = {
    "flow": S.Function,
    "extern": S.Function,
    "type": S.Struct,
    "field": S.Field,
    "param": S.Variable,
    "model": S.Class,
    "endpoint": S.Class,
    "text": S.Constant,
    "prompt": S.String,
    "import": S.Module,
    "choice": S.EnumMember,
    "reducer": S.Method,
    "function": S.Function,
    "filter": S.Function,
    "option": S.Property,
    "file": S.File,
    "folder": S.Package,
    "test": S.Event,
    "provider": S.Module,
}
TOKEN = {
    "keyword": (T.Keyword,),
    "flow": (T.Function,),
    "extern": (T.Function,),
    "type": (T.Type,),
    "field": (T.Property,),
    "parameter": (T.Parameter,),
    "step": (T.Variable,),
    "element": (T.Variable,),
    "model": (T.Class,),
    "endpoint": (T.Class,),
    "text": (T.Variable, M.Readonly),
    "prompt": (T.Function,),
    "prefix": (T.Namespace,),
    "choice": (T.EnumMember,),
    "reducer": (T.Method, M.DefaultLibrary),
    "function": (T.Function, M.DefaultLibrary),
    "filter": (T.Function, M.DefaultLibrary),
    "option": (T.Decorator,),
    "string": (T.String,),
    "number": (T.Number,),
    "operator": (T.Operator,),
    "comment": (T.Comment,),
    "mark": (T.Macro,),
    "test": (T.Event,),
}
TYPES = list(dict.fromkeys(kind.value for kind, *_ in TOKEN.values()))
MODIFIERS = [M.Declaration.value, M.Readonly.value, M.DefaultLibrary.value]
LEGEND = lsp.SemanticTokensLegend(TYPES, MODIFIERS)
