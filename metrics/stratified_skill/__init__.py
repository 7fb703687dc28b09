"""Skill per site and over sites, by vegetation and climate: see stratified_skill.py."""
