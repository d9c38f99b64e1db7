"""What is taken out of a packet before it is stored, and what is left in its place."""
