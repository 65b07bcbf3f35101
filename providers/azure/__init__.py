"""Microsoft Azure virtual machines and managed disks."""
