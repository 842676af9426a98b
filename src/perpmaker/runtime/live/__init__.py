"""The driver for real time: venue -> events -> maker -> commands -> venue, and all that can go wrong between."""
