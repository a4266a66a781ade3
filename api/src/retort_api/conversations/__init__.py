"""Conversations: whose turn it is, and what was said."""
