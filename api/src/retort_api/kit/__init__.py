"""Generic helpers that know nothing of projects or tables: database, problems, cursors, streams."""
