"""Expressions made into data."""
