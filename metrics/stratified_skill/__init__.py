"""Stratified skill."""
