"""The templates of prompts: the allowed subset of jinja2, and the types of its values."""
