"""Adapters of the service on one machine: local sandboxes and the driver of tasks."""
