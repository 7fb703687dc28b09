"""The metrics of CarbonBench, one folder each, each a Hub Space of its own."""
