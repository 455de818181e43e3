"""The plan, inputs, settings and models with which a run began, as its journal tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..costs.written_budget import Budget
from ..inputs.cuts import taken_of
from ..journal.given_files import reopened
from ..journal.index import Run
from ..journal.reading import JournalReader
from ..journal.recorded_beginning import recorded_beginning
from ..providers import NO_ENDPOINTS, open_provider, provider_table
from ..providers.named_endpoints import NamedEndpoint
from ..providers.protocol import Surroundings
from ..vocabulary.errors import DiskError, FlowrunError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import EndpointRecord


@dataclass(frozen=True, slots=True)
class RunBeginning:
    """The beginning of a run: its plan, its inputs as typed values, and its settings.

    ``models`` are the endpoints of its models by address; it is empty in a journal that does not have them. ``remarks``
    tell of inputs that cannot be had any more, and of lists of which the run took only the first elements.
    """

    plan: p.Plan
    inputs: Mapping[str, Json]
    settings: Mapping[str, Json]
    models: Mapping[str, EndpointRecord]
    remarks: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return Path(str(self.settings.get("folder", "")))

    @property
    def budget(self) -> Budget:
        written = self.settings.get("budget")
        return Budget(*written) if written else Budget(self.plan.calls_limit, self.plan.money_limit)

    @property
    def model(self) -> str:
        return str(self.settings.get("model", ""))


def read_beginning(reader: JournalReader, run: Run) -> RunBeginning:
    """Read the beginning of a run. Raises UsageError if the run ended before it, DiskError if its row is not valid."""
    if not run.given:
        raise UsageError(f"the run {run.id} ended before its first call: there is nothing to show")
    given = recorded_beginning(reader, run)
    try:
        plan = p.from_json(given.plan_text)
        inputs, lost = _with_files(plan, given.inputs, given.files)
        parts = [f"`{name}`: {one.told()}" for name, one in taken_of(given.settings).items()]
        return RunBeginning(plan, inputs, given.settings, given.models, (*lost, *parts))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DiskError(f"row {run.given} of the journal does not have a valid run ({error})") from None


def _with_files(
    plan: p.Plan, inputs: Mapping[str, Json], files: Mapping[str, Mapping[str, Json]]
) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Add the inputs that stayed in their files, as long as the files are as they were."""
    values, lost = dict(inputs), []
    for name, kept in files.items():
        try:
            values = reopened(plan, values, {name: kept})
        except FlowrunError as error:
            lost.append(str(error))
    return values, tuple(lost)


class Endpoints(Mapping[str, str]):
    """The endpoints of a run's models: their names in the keys of calls, by address.

    Those that the journal does not have are worked out from the present environment when they are needed. No key is
    needed for this, and nothing is sent. A model whose provider cannot be opened has none. ``declared`` are the
    endpoints that the user and the project declare at present.
    """

    def __init__(
        self,
        known: Mapping[str, EndpointRecord],
        environ: Mapping[str, str],
        declared: Mapping[str, NamedEndpoint] = NO_ENDPOINTS,
    ) -> None:
        self.records = dict(known)
        self._environ = environ
        self._declared = declared
        self._surroundings: Surroundings | None = None

    def __getitem__(self, address: str) -> str:
        if address not in self.records:
            self.records[address] = self._now(address)
        return self.records[address].name

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def _now(self, address: str) -> EndpointRecord:
        if self._surroundings is None:
            unset = [name for row in provider_table(self._environ) for name, is_set in row.variables if not is_set]
            keys = {name: "-" for name in unset if name.endswith(("_KEY", "_TOKEN"))}
            own = [one.key_env for one in self._declared.values() if one.origin == "flow"]
            keys |= {name: "-" for name in own if not self._environ.get(name, "").strip()}
            self._surroundings = Surroundings({**self._environ, **keys}, endpoints=self._declared)
        try:
            provider = open_provider(address, self._surroundings)
            return EndpointRecord(provider.endpoint, model=getattr(provider, "identity", ""))
        except FlowrunError:
            return EndpointRecord("")


class ModelNames(Mapping[str, str]):
    """The names of models in the keys of calls, by address, of those models whose name there is another."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def __getitem__(self, address: str) -> str:
        # A lookup works out the record if the journal does not have it.
        return self._endpoints.records[address].model if address in self._endpoints else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._endpoints)

    def __len__(self) -> int:
        return len(self._endpoints)
