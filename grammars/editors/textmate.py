"""The TextMate grammar. VS Code, the Pygments lexer and other editors read it.

A rule looks at one line, so a rule never matches across lines. No rule repeats a group that can match in two ways: the
time for a line grows with its length only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Rule = dict[str, Any]
NAME = r"[A-Za-z_]\w*"
GAP = r"[ \t]*"
BETWEEN = r"[ \t]+"
NOT_NAMED = rf"(?!{GAP}(?::|=(?!=)))"
"""Behind a word: it is no name of a field, of an option or of a step."""


def any_of(words: Sequence[str]) -> str:
    # Longer words first, so that none hides another.
    return "(?:" + "|".join(sorted(words, key=lambda word: (-len(word), word))) + ")"


def match(pattern: str, *names: str, **more: Any) -> Rule:
    """Return a rule with a name for its whole text, or one name for each of its groups."""
    if len(names) == 1:
        return {"match": pattern, "name": f"{names[0]}.flowrun"} | more
    return {"match": pattern, "captures": captured(*names)} | more


def captured(*names: str) -> Rule:
    return {str(number): {"name": f"{name}.flowrun"} for number, name in enumerate(names, 1) if name}


def span(begin: str, end: str, *patterns: Rule, name: str = "", heads: Sequence[str] = (), tail: str = "") -> Rule:
    rule: Rule = {"begin": begin, "end": end}
    if name:
        rule["name"] = f"{name}.flowrun"
    if heads:
        rule["beginCaptures"] = captured(*heads)
    if tail:
        rule["endCaptures"] = {"0": {"name": f"{tail}.flowrun"}}
    return rule | {"patterns": list(patterns)}


def bracket(begin: str, end: str, *patterns: Rule) -> Rule:
    mark = {"0": {"name": "punctuation.flowrun"}}
    return {"begin": begin, "beginCaptures": mark, "end": end, "endCaptures": mark, "patterns": list(patterns)}


def use(name: str) -> Rule:
    return {"include": f"#{name}"}


def textmate(lists: Mapping[str, Sequence[str]]) -> Rule:
    """Return the grammar."""
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "flowrun",
        "scopeName": "source.flowrun",
        "fileTypes": ["flow"],
        "patterns": [use("declarations"), use("code")],
        "repository": {name: {"patterns": rules} for name, rules in _parts(lists).items()},
    }


def _parts(lists: Mapping[str, Sequence[str]]) -> dict[str, list[Rule]]:
    return {
        "comments": [
            match(r"#[ \t]*flowrun:.*$", "comment.line.directive"),
            match(r"#.*$", "comment.line.number-sign"),
        ],
        "declarations": _declarations(),
        "types": _types(lists),
        "fields": _fields(),
        "code": _code(lists),
        "expressions": _expressions(lists),
        "options": _options(lists),
        "strings": _strings(),
        "template": _template(lists),
    }


def _declarations() -> list[Rule]:
    head = f"^{GAP}"
    word, function, klass = "keyword.declaration", "entity.name.function", "entity.name.type"
    called = bracket(r"\(", r"\)", use("comments"), use("fields"), use("types"))
    closing = r"(?=[{)])|(?<!,)$"
    return [
        span(
            rf"{head}(flow|extern|prompt){BETWEEN}({NAME})(?={GAP}\()", r"(?<=\))", called, use("comments"),
            heads=(word, function),
        ),
        span(
            rf"{head}(type){BETWEEN}({NAME}){GAP}(=)",
            rf"(?=^{GAP}(?:flow|model|endpoint|text|prompt|type|import|extern|test|setup)[ \t]+[\w\"])",
            use("comments"), use("types"), heads=(word, klass, "keyword.operator"),
        ),
        span(rf"{head}(model){BETWEEN}({NAME})(?={GAP}=)", closing, use("code"), heads=(word, "entity.name.class")),
        match(rf"{head}(model){BETWEEN}(default)(?={BETWEEN}with\b)", word, "keyword.other"),
        match(rf"{head}(model){BETWEEN}({NAME})(?={BETWEEN}with\b)", word, "entity.name.class"),
        match(rf"{head}(endpoint){BETWEEN}({NAME})(?={GAP}(?:=|at\b))", word, "entity.name.class"),
        match(rf"{head}(text){BETWEEN}({NAME})(?={GAP}=)", word, "variable.other.constant"),
        match(rf"{head}(import)(?={GAP}\")", word, ""),
        match(rf"{head}(test)(?={GAP}\")", word, ""),
        match(rf"{head}(setup){BETWEEN}({NAME}){BETWEEN}(of)\b", word, "entity.name.test", "keyword.other"),
    ]  # fmt: skip


def _types(lists: Mapping[str, Sequence[str]]) -> list[Rule]:
    return [
        use("comments"),
        use("strings"),
        match(rf"\b{any_of(lists['labels'])}\b(?={BETWEEN}[\w\"\[{{])", "keyword.other"),
        match(rf"\b(quote){BETWEEN}(of)\b", "keyword.other", "keyword.other"),
        match(rf"(?<!\.)\b{any_of(lists['types'])}\b", "support.type"),
        match(r"\bnone\b", "constant.language"),
        match(rf"\b[A-Z]\w*(?={GAP}\()", "entity.name.type"),
        match(r"\b[A-Z]\w*", "entity.name.type"),
        match(rf"\b({NAME})(\.)(?=[A-Za-z_])", "entity.name.namespace", ""),
        match(rf"\b{NAME}", "variable.other.enummember"),
        match(r"-?\b[0-9]+(?:\.[0-9]+)?\b", "constant.numeric"),
        match(r"\.\.", "punctuation.separator.range"),
        match(r"[|?]", "keyword.operator"),
        match(r",", "punctuation.separator"),
        bracket(r"\{", r"\}", use("fields"), use("types")),
        bracket(r"\[", r"\]", use("types")),
        bracket(r"\(", r"\)", use("fields"), use("types")),
    ]


def _fields() -> list[Rule]:
    # A default behind a `=` is an expression up to its comma.
    return [
        match(rf"\b({NAME}){GAP}(:)", "variable.parameter", "punctuation.separator"),
        span(r"=", r"(?=[,)])|$", use("expressions"), name="", heads=()),
    ]


def _code(lists: Mapping[str, Sequence[str]]) -> list[Rule]:
    word, other = "keyword.control", "keyword.other"
    ends = rf"$|(?=[)}}\]=#,])|(?=\b(?:check|with|after|when|reduce|from|until)\b{BETWEEN}[^:=])"
    return [
        use("comments"),
        span(r"->", ends, use("types"), heads=()) | {"beginCaptures": {"0": {"name": "keyword.operator.flowrun"}}},
        span(rf"^{GAP}\|", ends, use("types")),
        span(
            rf"\b(with)\b(?={BETWEEN}{NAME}{GAP}:)",
            rf"(?=[)}}\]{{])|(?<!,)$|(?=\b(?:after|when|else|return)\b{BETWEEN})",
            use("options"), use("expressions"), heads=(word,),
        ),
        # A line of a test.
        span(
            rf"^{GAP}(expect)\b(?={BETWEEN}[^\s=:])", r"(?=[}])|$",
            span(rf"\b(matches)\b(?={BETWEEN}[\w\"\[{{])", "$", use("types"), heads=(word,)),
            match(rf"(?<=[\w)\]}}\"] ){any_of(lists['test_words'])}\b(?!{GAP}(?:==|!=|[.<>=,)]))", word),
            match(rf"(?<=expect ){any_of(('asked', 'failed'))}\b(?!{GAP}(?:==|!=|[.<>=]))(?!{BETWEEN}contains)", word),
            match(rf"(?<=not )(?:asked|failed)\b(?!{GAP}(?:==|!=|[.<>=)]))", word),
            use("expressions"), heads=(word,),
        ),
        match(rf"^{GAP}(reply)\b(?={BETWEEN}{NAME})", word, ""),
        match(rf"^{GAP}(extern)\b(?={BETWEEN}{NAME}{GAP}(?::|when\b))", word, ""),
        match(rf"^{GAP}(file|cases|cassette)\b(?={GAP}\")", word, ""),
        match(rf"^{GAP}(setup){BETWEEN}({NAME}){GAP}$", word, "entity.name.test"),
        # The names that lines declare.
        match(rf"^{GAP}({NAME}){GAP}(=)(?!=)", "variable.other.definition", "keyword.operator"),
        match(rf"\b(map){BETWEEN}({NAME})(?:{GAP}(,){GAP}({NAME}))?{BETWEEN}(in)\b", word, "variable.other.element",
              "", "variable.other.element", "keyword.operator.word"),
        match(rf"(?<=[0-9]){GAP}(over){BETWEEN}({NAME}){BETWEEN}(in)\b", word, "variable.other.element",
              "keyword.operator.word"),
        match(rf"\b(reduce){BETWEEN}({any_of(lists['reducers'])})\b(?!\.)", word, "support.function.reducer"),
        match(rf"\b(reduce){GAP}(\()?{GAP}(by|fold)\b", word, "", word),
        match(rf"\b(reduce){BETWEEN}({NAME})(?<!ask)\b", word, "entity.name.function"),
        # The words that count only beside others.
        match(rf"\b(chain){BETWEEN}(up){BETWEEN}(to)\b", word, word, word),
        match(rf"(?<=\}}){GAP}(until)\b", word, ""),
        match(rf"^{GAP}(check)\b(?={BETWEEN}[\w\"(\[-])(?!{BETWEEN}(?:and|or|in)\b)", word, ""),
        match(rf"(?<=[\w\"}}\]]) (check)\b(?={BETWEEN}[\w\"(\[-])(?!{BETWEEN}(?:and|or|in)\b)", word, ""),
        match(rf"\b(at){BETWEEN}(most)\b", other, other),
        match(rf"\b(at)(?={GAP}\[)", other, ""),
        match(rf"(?<=\"){GAP}(key)(?={GAP}\")", other, ""),
        match(rf"(?<=\"){GAP}(as)(?={BETWEEN}{NAME})", other, ""),
        match(rf"\b(from)(?={GAP}\")", other, ""),
        match(rf"(?<=\"){GAP}(of){BETWEEN}({NAME})(?:(\.)({NAME}))?", other, "entity.name.function", "",
              "entity.name.function"),
        match(r"\b(calls)\b(?<=[0-9] calls)", other, ""),
        match(rf"\b{any_of(lists['roles'])}\b(?={GAP}\")", word),
        use("expressions"),
    ]  # fmt: skip


def _expressions(lists: Mapping[str, Sequence[str]]) -> list[Rule]:
    call = rf"(?={GAP}\()"
    return [
        use("comments"),
        match(rf"\b(text)(?={GAP}\")", "support.type", ""),
        use("strings"),
        match(rf"(\.)({NAME}){call}", "", "entity.name.function"),
        match(rf"(?<!\.)(\.)({NAME})", "", "variable.other.property"),
        match(rf"\b(by){GAP}(:){GAP}({any_of(lists['splitters'])})\b(?![.\w])", "variable.parameter",
              "punctuation.separator", "support.function.splitter"),
        match(rf"\b({NAME}){GAP}(:)", "variable.parameter", "punctuation.separator"),
        match(rf"\b{any_of(lists['labels'])}\b(?={BETWEEN}[A-Za-z_\"])(?!{BETWEEN}(?:in|and|or|when|after|with)\b)",
              "keyword.other"),
        match(rf"\b{any_of(lists['functions'])}\b{call}", "support.function"),
        match(rf"\b{any_of([*lists['words'], *lists['test_lines']])}\b{NOT_NAMED}(?!{GAP}(?:[.,)\]}}]))",
              "keyword.control"),
        match(rf"\b{any_of(lists['joins'])}\b{NOT_NAMED}", "keyword.operator.word"),
        match(rf"\b{any_of(lists['constants'])}\b", "constant.language"),
        match(rf"\b{NAME}\b{call}", "entity.name.function"),
        match(r"\$?\b[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h)?(?!\w)%?|\$[0-9]+(?:\.[0-9]+)?", "constant.numeric"),
        match(r"\.\.", "punctuation.separator.range"),
        match(r"->|\?\?|[=!<>]=|[<>+*/|?=-]", "keyword.operator"),
        match(rf"\b[A-Z]\w*{NOT_NAMED}", "entity.name.type"),
        match(rf"\b{NAME}", "variable.other"),
        match(r"[{}()\[\],.:]", "punctuation"),
    ]  # fmt: skip


def _options(lists: Mapping[str, Sequence[str]]) -> list[Rule]:
    inner = (use("expressions"),)
    return [
        match(rf"\b({any_of(lists['options'])}){GAP}(:)(?!{GAP}[{{(\[])", "entity.other.attribute-name",
              "punctuation.separator"),
        match(rf"\b({any_of(lists['options'])}){GAP}(:)(?={GAP}\()", "entity.other.attribute-name",
              "punctuation.separator"),
        span(rf"\b({any_of(lists['options'])}){GAP}(:){GAP}(\{{)", r"\}", *inner,
             heads=("entity.other.attribute-name", "punctuation.separator", "punctuation")),
        span(rf"\b({any_of(lists['options'])}){GAP}(:){GAP}(\[)", r"\]", *inner,
             heads=("entity.other.attribute-name", "punctuation.separator", "punctuation")),
        bracket(r"\(", r"\)", *inner),
        # The options of endpoints.
        match(rf"\b({NAME}){GAP}(:)", "entity.other.attribute-name", "punctuation.separator"),
    ]  # fmt: skip


def _strings() -> list[Rule]:
    made = []
    for quote, end, stop in (('"""', '"""', '|(?=""")'), ('"', r'"|$', '|(?=")|$')):
        comment = span(r"\{#", rf"#\}}{stop}", name="comment.block.template")
        output = span(r"\{\{", rf"(\}}\}}){stop}", use("template"), name="meta.template")
        line = span(r"\{%", rf"(%\}}){stop}", use("template"), name="meta.template")
        for one in (output, line):
            mark = {"name": "punctuation.section.embedded.flowrun"}
            one |= {"beginCaptures": {"0": mark}, "endCaptures": {"1": mark}}
        escape = match(r"\\.", "constant.character.escape")
        kind = "string.quoted.double" if quote == '"' else "string.quoted.triple"
        made.append(span(quote, end, escape, comment, output, line, name=kind))
    return made


def _template(lists: Mapping[str, Sequence[str]]) -> list[Rule]:
    return [
        match(r"'[^'\"\n]*'?", "string.quoted.single"),
        match(r"\\\"(?:[^\"\\\n])*\\\"", "string.quoted.single"),
        match(r"\"(?!\"\")[^\"\n]*\"", "string.quoted.single"),
        match(rf"(\|){GAP}({any_of(lists['filters'])})\b", "keyword.operator", "support.function.filter"),
        match(rf"(\.)({NAME})", "keyword.operator", "variable.other.property"),
        match(rf"\b{any_of(lists['template_words'])}\b(?!{GAP}=[^=])", "keyword.control"),
        match(r"\b[0-9]+(?:\.[0-9]+)?", "constant.numeric"),
        match(rf"\b{NAME}{GAP}(?=\()", "support.function"),
        match(rf"\b{NAME}", "variable.other"),
        match(r"[^\s\w'\"\\}%]|%(?!\})|\}(?!\})", "keyword.operator"),
    ]
