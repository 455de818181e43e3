"""The pages of the reference, made from the program: registries, grammar, commands, docstrings, codes and schemas."""
