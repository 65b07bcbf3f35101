"""Machines of a libvirt host: QEMU and KVM, on this machine or another one."""
