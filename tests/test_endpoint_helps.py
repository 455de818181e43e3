"""The way out of an option that an endpoint in a flow does not have."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

FLOW = 'endpoint lab = "http://gpu/v1" with {option}: "x"\nmodel m = "lab:x"\nflow f() {{ a = ask m "hi" return a }}\n'


@pytest.mark.parametrize(
    ("option", "help"),
    [
        ("ca", "an endpoint with `ca` is declared in a file of settings: `[endpoints.lab]`"),
        ("headers", "an endpoint with `headers` is declared in a file of settings: `[endpoints.lab]`"),
        ("key", 'write `key "LAB_KEY"` before `with`'),
        ("lack", "did you mean `lacks`?"),
        ("top_p", "write the option at a model of the endpoint: `model big = … with …`"),
    ],
)
def test_each_option_of_another_place_tells_its_place(option: str, help: str) -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(FLOW.format(option=option), "a.flow"), catalog())
    assert [(one.code, one.help) for one in caught.value.diagnostics] == [("F0684", help)]
