"""A folder of OVF and OVA packages, which machines are taken from."""
