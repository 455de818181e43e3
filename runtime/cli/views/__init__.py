"""The views of runs and calls as lines of text. They read records only, and print nothing."""
