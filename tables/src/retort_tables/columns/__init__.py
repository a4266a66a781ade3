"""Columns of a file on their way from text to values: counted, read, marked, given a kind."""
