"""The life of a task as pure decisions: what it is, what was observed, what follows."""
