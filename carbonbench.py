"""CarbonBench."""
