"""Retort api."""
