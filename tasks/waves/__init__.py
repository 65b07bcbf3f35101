"""The steps of a wave: planning all machines, asking once, running and watching each."""
