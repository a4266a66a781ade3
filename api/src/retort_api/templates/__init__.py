"""Steps kept for other tables, and sentences to click."""
