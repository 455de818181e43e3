"""The measures of `flowrun eval`: answers of a flow against the answers that people gave."""
