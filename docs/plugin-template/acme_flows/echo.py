"""`echo:NAME`: a model that answers with the last line of its prompt. It costs nothing and sends nothing.

A provider of a real service opens its connection in ``start``, sends in ``complete``, and raises the errors of
``flowrun.runtime``: RefusedError if the server did not take the request, InDoubtError if it may have done the work,
PermanentError if the same request would fail again, AnswerError if an answer came that cannot be used.
"""

from flowrun.runtime import Answer, PermanentError, Reply, Usage
from flowrun.runtime.providers.traits import ProviderSpec, Traits


class Echo:
    samples = 1
    concurrency = 8

    def __init__(self, name):
        self.model = f"echo:{name}"
        self.endpoint = "echo"
        self._open = True

    async def start(self):
        """Get ready. It is awaited once, before the first request."""

    async def complete(self, request, samples=1, idempotency_key=""):
        """Make one attempt, and return the answers with the tokens that it took."""
        if not self._open:
            raise PermanentError(f"{self.model} is closed")
        prompt = request.messages[-1].text
        lines = [line.strip() for line in prompt.splitlines() if line.strip()]
        answer = lines[-1] if lines else ""
        return Reply((Answer(answer),), Usage(len(prompt.split()), len(answer.split())))

    async def close(self):
        """Release everything, at any time and more than once."""
        self._open = False


PROVIDER = ProviderSpec(
    name="echo",
    title="Answers with the last line of the prompt",
    example="echo:any",
    open=lambda name, surroundings: Echo(name),
    traits=Traits(local=True),
)
