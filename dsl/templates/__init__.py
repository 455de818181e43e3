"""The templates of prompts: the subset of jinja2 that is read, and its types."""
