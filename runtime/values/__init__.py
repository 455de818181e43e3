"""The values of expressions and templates."""
