"""Questions about a plan: names, dependencies, options, rules."""
