"""A folder of OVF packages."""
