"""Damaged files for every reader, through the commands that read them."""
