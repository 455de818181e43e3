"""The help for filters that exist in jinja2 but not in flowrun's templates."""

from __future__ import annotations

INSTEAD = {
    "count": "write `length`",
    "d": "write `default`",
    "tojson": "write `json`; every value except a text is inserted as JSON anyway",
    "e": "a prompt needs no escapes: delete this filter",
    "escape": "a prompt needs no escapes: delete this filter",
    "safe": "a prompt needs no escapes: delete this filter",
    "string": "every value can be inserted directly: delete this filter",
    "list": "a `for` takes only lists: delete this filter",
    "groupby": "write `group(by='field')`",
    "slice": "write `first(n)` or `last(n)`",
    "wordcount": "write `words | length`",
    "map": "write a `for` over the list, `{% for x in xs %}{{ x.field }}{% endfor %}`",
    "select": "write the condition in the `for`: `{% for x in xs if x != '' %}`",
    "selectattr": "write the condition in the `for`: `{% for x in xs if x.field == 'a' %}`",
    "reject": "write the condition in the `for`: `{% for x in xs if x != '' %}`",
    "rejectattr": "write the condition in the `for`: `{% for x in xs if x.field == 'a' %}`",
    "int": "give the value the type `int` where it is declared: `-> int`, or the field's type",
    "float": "give the value the type `number` where it is declared: `-> number`, or the field's type",
}
