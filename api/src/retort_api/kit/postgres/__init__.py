"""PostgreSQL behind the ports of `kit`: the connection source, the signal between replicas, their settings."""
