"""Retort tables."""
