"""What differs between two versions: schema first, then rows, then cells and marks."""
