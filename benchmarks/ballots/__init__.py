"""The parts of the simulator of votes: rules and replays by hand, made and recorded ballots, tables."""
