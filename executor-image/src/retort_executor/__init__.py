"""Retort executor."""
