"""A Backpack of our own: the simulated exchange behind Backpack's wire protocol, with faults on demand."""
