"""Where adapters are chosen and wired; the only place that knows how this process is run."""
