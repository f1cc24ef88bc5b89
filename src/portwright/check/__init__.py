"""Required against configured: what is missing, what is open without need, what cannot be known, and by which line."""
