"""Whether everything that is recorded is there, right, and leads where it says."""
