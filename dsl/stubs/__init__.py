"""Typed stubs of flows, for callers in Python and in TypeScript."""
