"""Typed values from outside."""
