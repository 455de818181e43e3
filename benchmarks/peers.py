"""The fan-out on other engines, each as its documentation has it, and all with the same hand-written aiohttp call.

Their own clients of models are not measured: those cost many times more, and may be replaced.
"""

from __future__ import annotations

import importlib.util
import operator
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from by_hand import Ask, with_session

Engine = Callable[[Ask, Sequence[str], int], Any]


async def langgraph(ask: Ask, prompts: Sequence[str], wide: int) -> list[str]:
    """A node for each element through `Send`, and a state whose reducer appends."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Send
    from typing_extensions import TypedDict

    class State(TypedDict):
        prompts: list[str]
        answers: Annotated[list[str], operator.add]

    async def one(state: dict[str, str]) -> dict[str, list[str]]:
        return {"answers": [await ask(state["prompt"])]}

    graph: Any = StateGraph(State)
    graph.add_node("one", one)
    graph.add_conditional_edges(
        START, lambda state: [Send("one", {"prompt": prompt}) for prompt in state["prompts"]], ["one"]
    )
    graph.add_edge("one", END)
    state = await graph.compile().ainvoke({"prompts": list(prompts), "answers": []}, {"max_concurrency": wide})
    answers: list[str] = state["answers"]
    return answers


async def pydantic_graph(ask: Ask, prompts: Sequence[str], wide: int) -> list[str]:
    """A step behind `map`, and a join that appends; it has no bound on what is open at once."""
    try:
        from pydantic_graph import GraphBuilder, reduce_list_append
    except ImportError:
        from pydantic_graph.beta import GraphBuilder
        from pydantic_graph.beta.join import reduce_list_append

    builder: Any = GraphBuilder(input_type=list, output_type=list)

    async def step(context: Any) -> str:
        return await ask(context.inputs)

    one = builder.step(step)
    collect = builder.join(reduce_list_append, initial_factory=list)
    builder.add(
        builder.edge_from(builder.start_node).map().to(one),
        builder.edge_from(one).to(collect),
        builder.edge_from(collect).to(builder.end_node),
    )
    answers: list[str] = await builder.build().run(inputs=list(prompts))
    return answers


async def langchain(ask: Ask, prompts: Sequence[str], wide: int) -> list[str]:
    """`abatch` of a runnable that calls."""
    from langchain_core.runnables import RunnableLambda

    runnable: Any = RunnableLambda(ask)
    answers: list[str] = await runnable.abatch(list(prompts), {"max_concurrency": wide})
    return answers


ENGINES: dict[str, Engine] = {"LangGraph": langgraph, "pydantic-graph": pydantic_graph, "LangChain abatch": langchain}
MODULES = {"LangGraph": "langgraph", "pydantic-graph": "pydantic_graph", "LangChain abatch": "langchain_core"}


def engines() -> list[str]:
    """The other engines that are installed, and the thread pool where `requests` is."""
    threads = ["threads"] if importlib.util.find_spec("requests") else []
    return threads + [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


async def run(engine: str, base: str, prompts: Sequence[str], wide: int) -> list[str]:
    return list(await with_session(base, lambda ask: ENGINES[engine](ask, prompts, wide)))


def diamonds_langgraph(count: int) -> Any:
    """So many diamonds in a chain, without any call."""
    from langgraph.graph import END, START, StateGraph
    from typing_extensions import TypedDict

    class State(TypedDict):
        values: Annotated[list[int], operator.add]

    def node(state: dict[str, Any]) -> dict[str, list[int]]:
        return {"values": [1]}

    graph: Any = StateGraph(State)
    for number in range(count):
        for name in ("a", "b", "c"):
            graph.add_node(f"{name}{number}", node)
        graph.add_edge(f"a{number}", f"b{number}")
        graph.add_edge(f"a{number}", f"c{number}")
    graph.add_node("end", node)
    for number in range(count):
        after = f"a{number + 1}" if number + 1 < count else "end"
        graph.add_edge([f"b{number}", f"c{number}"], after)
    graph.add_edge(START, "a0")
    graph.add_edge("end", END)
    return graph.compile()
