"""Clouds on this machine: strict doubles that the real SDKs talk to over loopback."""
