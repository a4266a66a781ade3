"""Retort operator."""
