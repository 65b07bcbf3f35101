"""Packages that are written: envelope, manifest, disks as streamOptimized VMDK, and the tar."""
