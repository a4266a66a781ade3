"""Conventions: answers that hold from now on in a project."""
