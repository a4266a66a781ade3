"""Evaluation of planners on own phrasings: cases, tables they speak about, and the scores."""
