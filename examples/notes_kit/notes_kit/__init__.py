"""Melodies as a kind of data for seqgan_kit."""
