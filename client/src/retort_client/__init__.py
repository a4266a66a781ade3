"""Retort client."""
