"""The command line: the only place that wires the floors together, and the only one that speaks to a terminal."""
