"""Inputs: typed values from outside."""
