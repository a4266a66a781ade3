"""Runs: from prepared work to a staged version or a read-only result."""
