"""The golden suite: packets kept in the repository, and what is demanded of them."""
