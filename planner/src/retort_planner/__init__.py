"""Retort planner."""
