"""What runs and recordings teach: how true a simulation is, and what a setting is worth."""
