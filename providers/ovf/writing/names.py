"""XML's names and text in a package."""

import re

OVF = "http://schemas.dmtf.org/ovf/envelope/1"
"""Of all OVF 1.x. VMware and virt-v2v refuse 2.x."""

VMW = "http://www.vmware.com/schema/ovf"
COLDFERRY = "urn:coldferry:1"
_CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"
RASD = f"{_CIM}/CIM_ResourceAllocationSettingData"
VSSD = f"{_CIM}/CIM_VirtualSystemSettingData"

SPACES = {"ovf": OVF, "vmw": VMW, "coldferry": COLDFERRY, "rasd": RASD, "vssd": VSSD}

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(said: str) -> str:
    """``said`` in one line, without the characters that no XML can hold."""
    return " ".join(_NO_XML.sub("", said).split()) or "unnamed"
