"""Faults of the network's configuration, one for each of the places where Linux keeps it."""

from tests.guest.recipe import Recipe

MAC = "02:5e:10:00:00:01"

PINNED = {
    "": (
        "/etc/netplan/50-cloud-init.yaml",
        "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n"
        f"      match:\n        macaddress: '{MAC}'\n      set-name: eth0\n",
    ),
    "/udev": (
        "/etc/udev/rules.d/70-persistent-net.rules",
        f'SUBSYSTEM=="net", ACTION=="add", ATTR{{address}}=="{MAC}", NAME="eth0"\n',
    ),
    "/networkmanager": (
        "/etc/NetworkManager/system-connections/eth0.nmconnection",
        f"[connection]\nid=eth0\ntype=ethernet\n\n[ethernet]\nmac-address={MAC.upper()}\n\n"
        "[ipv4]\nmethod=auto\n",
    ),
    "/ifcfg": (
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
        f"DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\nHWADDR={MAC.upper()}\n",
    ),
    "/link": (
        "/etc/systemd/network/10-eth0.link",
        f"[Match]\nMACAddress={MAC}\n\n[Link]\nName=eth0\n",
    ),
    "/networkd": (
        "/etc/systemd/network/10-eth0.network",
        f"[Match]\nMACAddress={MAC}\n\n[Network]\nDHCP=yes\n",
    ),
    "/interfaces": (
        "/etc/network/interfaces.d/eth0",
        f"auto eth0\niface eth0 inet dhcp\n    hwaddress ether {MAC}\n",
    ),
}

STATIC = {
    "": (
        "/etc/netplan/50-cloud-init.yaml",
        "network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [10.0.0.4/24]\n"
        "      routes:\n        - to: default\n          via: 10.0.0.1\n",
    ),
    "/interfaces": (
        "/etc/network/interfaces.d/eth0",
        "auto eth0\niface eth0 inet static\n    address 10.0.0.4/24\n    gateway 10.0.0.1\n",
    ),
    "/ifcfg": (
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
        "DEVICE=eth0\nBOOTPROTO=none\nIPADDR=10.0.0.4\nPREFIX=24\nGATEWAY=10.0.0.1\nONBOOT=yes\n",
    ),
    "/networkmanager": (
        "/etc/NetworkManager/system-connections/eth0.nmconnection",
        "[connection]\nid=eth0\ntype=ethernet\n\n[ipv4]\nmethod=manual\n"
        "address1=10.0.0.4/24,10.0.0.1\n",
    ),
    "/networkd": (
        "/etc/systemd/network/10-eth0.network",
        "[Match]\nName=eth0\n\n[Network]\nAddress=10.0.0.4/24\nGateway=10.0.0.1\n",
    ),
}


def network_faults() -> dict[str, tuple[str, str]]:
    """By plant's name: the file and its text, which stand beside the healthy ones."""
    pinned = {f"network-pinned-to-mac{way}": file for way, file in PINNED.items()}
    static = {f"network-static-address{way}": file for way, file in STATIC.items()}
    return {**pinned, **static}


def put(guest: Recipe, file: tuple[str, str]) -> None:
    """Add one file."""
    path, text = file
    guest.files[path] = text
