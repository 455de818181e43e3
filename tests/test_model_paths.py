"""Names of models that would lead to another address of their server."""

from __future__ import annotations

import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.errors import UsageError

KEYS = {"GEMINI_API_KEY": "k"}


@pytest.mark.parametrize("name", ["../../v1/files", "models/../x", "tuned/.", ".."])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="its name leads to another address"):
        open_provider(f"gemini:{name}", Surroundings(KEYS))


@pytest.mark.parametrize("name", ["gemini-2.5-flash", "models/gemini-2.5-flash", "tunedModels/mine..x"])
def test_dots_and_slashes_alone_lead_nowhere_else(name: str) -> None:
    assert open_provider(f"gemini:{name}", Surroundings(KEYS)).model == f"gemini:{name}"
