"""Feature sources, one file each."""
