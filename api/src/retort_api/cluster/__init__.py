"""The service's half of a cluster: what the operator asks of it, and runs in Pods."""
