"""Retort plans."""
