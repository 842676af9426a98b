"""The advisor: what settings will really do, said before an order is sent."""
