"""Revisions, one a file, numbered."""
