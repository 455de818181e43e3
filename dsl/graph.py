"""Algorithms on directed graphs, independent of flows. None of them recurses."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

N = TypeVar("N", bound=Hashable)


def topological(needs: Mapping[N, Iterable[N]]) -> tuple[list[N], set[N]]:
    """Sort the nodes. Each comes after all nodes that it needs; otherwise the given order stays.

    Return the sorted nodes, and the nodes that are in a cycle or need a node in one.
    """
    waiting = {node: {need for need in wanted if need in needs} for node, wanted in needs.items()}
    needed_by: dict[N, list[N]] = {node: [] for node in needs}
    for node, wanted in waiting.items():
        for need in wanted:
            needed_by[need].append(node)
    ready = deque(node for node, wanted in waiting.items() if not wanted)
    order: list[N] = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for follower in needed_by[node]:
            waiting[follower].discard(node)
            if not waiting[follower]:
                ready.append(follower)
    return order, set(needs) - set(order)


def cycles(needs: Mapping[N, Iterable[N]]) -> list[list[N]]:
    """Return one shortest cycle for each group of nodes that can reach each other.

    A cycle is ``[a, b, …]`` where a needs b. The first node is not repeated at the end.
    """
    found: list[list[N]] = []
    for knot in components(needs):
        members = set(knot)
        start = knot[0]
        if len(knot) == 1 and start not in set(needs[start]):
            continue
        found.append(_shortest_way_back(start, needs, members))
    return found


def components(needs: Mapping[N, Iterable[N]]) -> list[list[N]]:
    """Return the strongly connected components (Tarjan 1972), each with its nodes in the given order."""
    index: dict[N, int] = {}
    low: dict[N, int] = {}
    on_stack: set[N] = set()
    stack: list[N] = []
    order = {node: number for number, node in enumerate(needs)}
    result: list[list[N]] = []
    for root in needs:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter([need for need in needs[root] if need in needs]))]
        while work:
            node, rest = work[-1]
            for need in rest:
                if need not in index:
                    index[need] = low[need] = len(index)
                    stack.append(need)
                    on_stack.add(need)
                    work.append((need, iter([n for n in needs[need] if n in needs])))
                    break
                if need in on_stack:
                    low[node] = min(low[node], index[need])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    knot = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        knot.append(member)
                        if member == node:
                            break
                    result.append(sorted(knot, key=order.__getitem__))
    return result


def _shortest_way_back(start: N, needs: Mapping[N, Iterable[N]], members: set[N]) -> list[N]:
    came_from: dict[N, N] = {}
    ready = deque([start])
    while ready:
        node = ready.popleft()
        for need in needs[node]:
            if need == start:
                path = [node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if need in members and need not in came_from:
                came_from[need] = node
                ready.append(need)
    return [start]
