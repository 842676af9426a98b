"""The web page: shows runs, past and present, and lets a trader steer them."""
