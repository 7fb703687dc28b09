"""Mapping files for tidy tables other people made, one TOML file each."""
