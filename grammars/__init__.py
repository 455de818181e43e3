"""The grammar of flow files, as package data."""
