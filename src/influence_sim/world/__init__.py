"""What exists: people, creators, the follower graph and brands, as columns of plain NumPy."""
