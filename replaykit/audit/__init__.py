"""Proves that a packet holds no secret and still replays; and makes older packets as clean as newer ones."""
