"""Ports to the outside: every exchange of ccxt, Backpack more closely, and the simulated exchange as a venue."""
