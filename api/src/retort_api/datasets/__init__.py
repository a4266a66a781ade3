"""Datasets and their uploads."""
