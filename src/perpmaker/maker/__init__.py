"""The state machine that composes quoting, risk and execution: events in, commands out. Pure and synchronous."""
