"""Drivers: they feed the market maker events and carry out its commands. Here: simulated time."""
