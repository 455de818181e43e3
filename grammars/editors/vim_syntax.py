"""The syntax file of Vim and Neovim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_HEAD = """\
" Vim syntax file of the flow language. grammars/editors/make.py writes it.
if exists('b:current_syntax')
  finish
endif
let s:keep = &cpo
set cpo&vim

syntax case match
syntax sync minlines=200
syntax iskeyword @,48-57,_
"""
_TAIL = """\

highlight default link flowrunComment Comment
highlight default link flowrunDirective SpecialComment
highlight default link flowrunDeclaration Keyword
highlight default link flowrunKeyword Statement
highlight default link flowrunJoin Operator
highlight default link flowrunOperator Operator
highlight default link flowrunConstant Constant
highlight default link flowrunNumber Number
highlight default link flowrunType Type
highlight default link flowrunTypeName Type
highlight default link flowrunName Function
highlight default link flowrunStep Identifier
highlight default link flowrunField Identifier
highlight default link flowrunFunction Function
highlight default link flowrunReducer Function
highlight default link flowrunOption PreProc
highlight default link flowrunString String
highlight default link flowrunTriple String
highlight default link flowrunEscape SpecialChar
highlight default link flowrunMark Delimiter
highlight default link flowrunTemplateComment Comment
highlight default link flowrunTemplateString String
highlight default link flowrunTemplateWord Statement
highlight default link flowrunFilter Function

let b:current_syntax = 'flowrun'
let &cpo = s:keep
unlet s:keep
"""


def vim_syntax(lists: Mapping[str, Sequence[str]]) -> str:
    """Return the text of the file. Of two matches at one place, Vim takes the one that is defined last."""
    declared, options, template = lists["declarations"], lists["options"], lists["template_words"]
    with_texts = ("file", "cases", "cassette")
    rows = [
        _rule("flowrunOperator", r"->|\?\?|[=!<>]\=|\.\.|[-+*/<>=|?]"),
        _rule("flowrunNumber", r"\$?<\d+%(\.\d+)?%(ms|s|m|h)?>%(\%)?"),
        _rule("flowrunTypeName", r"<\u\w*>"),
        _rule("flowrunJoin", rf"<{_any(lists['joins'])}>"),
        _rule("flowrunConstant", rf"<{_any(lists['constants'])}>"),
        _rule("flowrunKeyword", rf"<{_any([*lists['words'], *lists['test_lines']])}>%(\s*[:.,)\]}}])@!"),
        _rule("flowrunKeyword", r"<at\s+most>|<at>\ze\s*\[|<chain\s+up\s+to>"),
        _rule("flowrunKeyword", r"\}\s*\zsuntil>"),
        _rule("flowrunKeyword", r"<repeat\s+\d+%(\.\.\d+)?\s+\zsover>"),
        _rule("flowrunKeyword", r"^\s*\zscheck>\ze\s+%(%(and|or|in)>)@![[:alnum:]_\"([-]"),
        _rule("flowrunKeyword", r"<from\ze\s*\""),
        _rule("flowrunKeyword", r"\"\s*\zs%(%(of|as)>|key\ze\s*\")"),
        _rule("flowrunKeyword", r"\d\s+\zscalls>"),
        _rule("flowrunKeyword", rf"<{_any(lists['roles'])}\ze\s*\""),
        _rule("flowrunKeyword", rf"<{_any(lists['labels'])}\ze\s+[[:alpha:]_\"[{{]"),
        _rule("flowrunKeyword", rf"^\s*\zs{_any(with_texts)}\ze\s*\""),
        _rule("flowrunKeyword", r"^\s*expect>.{-}\s\zs%(matches|contains|about|within)>\ze\s"),
        _rule("flowrunKeyword", r"^\s*expect>.{-}\s\zs%(skipped|failed|asked)\ze\s*$"),
        _rule("flowrunKeyword", r"^\s*expect\s+%(not\s+)?\zsasked\ze\s+\a"),
        _rule("flowrunType", rf"%(:|-\>|\||\[|\(|<of|trusted)\s*\zs{_any(lists['types'])}>\ze%(\s*[.(=])@!"),
        _rule("flowrunFunction", r"<\h\w*\ze\s*\("),
        _rule("flowrunReducer", rf"<reduce\s+\zs{_any(lists['reducers'])}>"),
        _rule("flowrunKeyword", r"<reduce\s*\(?\s*\zs%(by|fold|ask)>"),
        _rule("flowrunField", r"<\h\w*\ze\s*:"),
        _rule("flowrunOption", rf"%(<with\s+|,\s*)@<=<{_any(options)}\ze\s*:"),
        _rule("flowrunStep", r"^\s*\zs\h\w*\ze\s*\=\=@!"),
        _rule("flowrunName", rf"^\s*%({'|'.join(declared)})\s+\zs\h\w*\ze\s*%([(=]|<with>|<at>|<of>)"),
        _rule("flowrunKeyword", r"^\s*model\s+\zsdefault\ze\s+with>"),
        _rule("flowrunDeclaration", rf"^\s*\zs{_any(declared)}\ze\s+%(\h\w*\s*%([(=]|<with>|<at>|<of>)|\")"),
        _rule("flowrunKeyword", r"^\s*\zs%(setup|extern)\ze\s+\h\w*%(\.\h\w*)*\s*%(:|$)"),
        r"syntax match flowrunComment /#.*$/ contains=@Spell",
        r"syntax match flowrunDirective /#\s*flowrun:.*$/",
        'syntax region flowrunString start=/"/ skip=/\\\\./ end=/"/ end=/$/ oneline contains=@flowrunInside,@Spell',
        'syntax region flowrunTriple start=/"""/ skip=/\\\\./ end=/"""/ keepend contains=@flowrunInside,@Spell',
        "syntax cluster flowrunInside contains=flowrunEscape,flowrunOutput,flowrunLine,flowrunTemplateComment",
        r"syntax match flowrunEscape /\\./ contained",
        "syntax region flowrunTemplateComment start=/{#/ end=/#}/ contained",
        "syntax region flowrunOutput matchgroup=flowrunMark start=/{{/ end=/}}/ contained contains=@flowrunTemplate",
        "syntax region flowrunLine matchgroup=flowrunMark start=/{%/ end=/%}/ contained contains=@flowrunTemplate",
        "syntax cluster flowrunTemplate contains=flowrunTemplateWord,flowrunTemplateString,flowrunFilter,flowrunNumber",
        _rule("flowrunTemplateWord", rf"<{_any(template)}>", contained=True),
        _rule("flowrunFilter", rf"\|\s*\zs{_any(lists['filters'])}>", contained=True),
        r"syntax match flowrunTemplateString /'[^']*'/ contained",
    ]
    return "\n".join([_HEAD, *rows, _TAIL])


def _any(words: Sequence[str]) -> str:
    return "%(" + "|".join(sorted(words, key=lambda word: (-len(word), word))) + ")"


def _rule(group: str, pattern: str, *, contained: bool = False) -> str:
    """Return a rule. Its pattern is in Vim's "very magic" form, where `<` and `>` stand for the borders of a word."""
    before, mark, rest = pattern.partition(r"\zs")
    # A match may begin behind a word that another rule has taken, so what stands before it is looked back at.
    escaped = (f"%({before})@200<={rest}" if mark else pattern).replace("/", r"\/")
    return f"syntax match {group} /\\v{escaped}/{' contained' if contained else ''}"
