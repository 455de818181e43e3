"""Put calls into batches. Calls with the same question share a request if their endpoint gives several answers."""

from __future__ import annotations

from ..engine.decisions import Call, Group
from ..limits.retry import Retries, RetryPolicy
from .batch import Batch, BatchPrompt, prompt_tokens
from .endpoint import Endpoint

Groups = dict[tuple[str, Group], Batch]
"""The last batch of each group, by model and group."""


class Batcher:
    """The maker of batches. It also numbers them."""

    def __init__(self) -> None:
        self._count = 0

    def place(self, call: Call, endpoint: Endpoint, groups: Groups, now: float) -> tuple[Batch, bool]:
        """Find or make the batch of a call. The second value is True if the batch was made for this call."""
        samples = endpoint.provider.samples
        if call.group is not None and samples > 1:
            batch = groups.get((call.model, call.group))
            if batch is not None and batch.endpoint is endpoint and batch.fits(call, samples):
                batch.calls.append(call)
                return batch, False
        policy = endpoint.policy
        if call.policy.retries is not None:
            policy = RetryPolicy(call.policy.retries + 1, policy.wait_initial, policy.wait_max, policy.total)
        # A call that was sent before has only its remaining attempts.
        retries = Retries(policy, now, tries=call.tries, made=call.tries)
        batch = Batch(self._number(), endpoint, [call], retries, BatchPrompt(prompt_tokens(call.request)))
        if call.group is not None:
            groups[call.model, call.group] = batch
        return batch, True

    def twin(self, batch: Batch) -> Batch:
        """Make a second batch for the same calls. It is sent beside the first."""
        calls = list(batch.calls)
        batch.twin = Batch(self._number(), batch.endpoint, calls, batch.retries, batch.prompt, twin_of=batch)
        return batch.twin

    def _number(self) -> int:
        self._count += 1
        return self._count
