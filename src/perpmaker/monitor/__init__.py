"""What a run shows of itself while it goes on: a view of its state, its history, a link to other processes, metrics."""
