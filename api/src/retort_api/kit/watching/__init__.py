"""Looking at a running service: figures, health, request lines, spans. Nothing of it names a tenant in a label."""
