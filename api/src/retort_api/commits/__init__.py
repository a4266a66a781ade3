"""Versions: the commit log, refs, and what is read from a version."""
