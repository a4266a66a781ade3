"""Snapshots: the data of one version, at rest."""
