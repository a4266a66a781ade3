"""Shapes and paths of the HTTP API, shared by the service and its clients so that neither can drift."""
