"""Extensions for flowrun. Each is an object in a module of its own, and flowrun loads it when a flow uses it."""
