"""Disks in files of this machine: raw ones, block devices, fixed VHDs."""
