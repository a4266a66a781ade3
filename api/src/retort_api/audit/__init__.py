"""The audit: what was done and what was refused, chained so that nothing of it can be changed unseen."""
