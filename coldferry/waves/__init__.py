"""Many migrations planned together: what a wave is, and what happens next in it."""
