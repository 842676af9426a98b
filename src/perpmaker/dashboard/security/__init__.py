"""Who may do what on the page, and what is refused before anybody asks: hosts, origins, bodies, floods."""
