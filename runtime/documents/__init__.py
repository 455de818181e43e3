"""Files and documents as values of the language. Nothing is imported here, so a run that reads none starts sooner."""
