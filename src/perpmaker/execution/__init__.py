"""What to send: our live and in-flight orders, and the difference to what should rest. Pure; knows no strategy."""
