"""Tasks: their rows, their events, and what people may do to them."""
