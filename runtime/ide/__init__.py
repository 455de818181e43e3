"""The language server: an editor's messages come in, and the answers of `flowrun.dsl.ide` go out."""
