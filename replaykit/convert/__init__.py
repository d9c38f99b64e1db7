"""Recordings of other tools, read into packets."""
