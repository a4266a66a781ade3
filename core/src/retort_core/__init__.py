"""Retort's vocabulary and pure decisions: what every other part shares, with pydantic as the only dependency."""
