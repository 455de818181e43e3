"""The functions of the language that read files, and the list of the files that a flow reads."""
