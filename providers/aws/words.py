"""AWS's words in the rules that are the same at every target, and the pages they rest on."""

from coldferry.dialect import Dialect

_DOCS = "docs.aws.amazon.com: "

AWS = Dialect(
    prefix="aws",
    cloud="AWS",
    vm="instance",
    pages={
        about: _DOCS + title
        for about, title in {
            "names": "Tag your Amazon EC2 resources",
            "hostname": "Change the hostname of your Amazon EC2 instance",
            "types": "Amazon EC2 instance types",
            "boot modes": "Instance launch behavior with Amazon EC2 boot modes",
            "secure boot": "UEFI Secure Boot for Amazon EC2 instances",
            "windows": "Create an Amazon EBS-backed AMI",
            "zones": "Subnets for your VPC",
            "hosts": "Amazon EC2 Dedicated Instances",
            "licence": "AMI billing information fields",
            "interfaces": "Elastic network interfaces",
            "addresses": "IP addressing for your VPCs and subnets",
            "reserved addresses": "Subnet CIDR blocks",
            "forwarding": "Modify network interface attributes",
            "resolvers": "DHCP option sets in Amazon VPC",
            "security groups": "Control traffic to your AWS resources using security groups",
            "disks": "Amazon EBS volumes",
            "volume types": "Amazon EBS volume types",
            "volume limits": "Amazon EBS volume limits for Amazon EC2 instances",
            "volume sizes": "Constraints on the size and configuration of an EBS volume",
            "device names": "Device names for volumes on Amazon EC2 instances",
            "ending": "Preserve data when an instance is terminated",
            "shared disks": "Attach an EBS volume to multiple EC2 instances using Multi-Attach",
            "encryption": "Amazon EBS encryption",
            "images": "Amazon Machine Images in Amazon EC2",
            "file systems": "What is Amazon Elastic File System?",
            "tags": "Tag your Amazon EC2 resources",
            "keys": "Amazon EC2 key pairs and Amazon EC2 instances",
            "user data": "Run commands when you launch an EC2 instance with user data input",
            "profile": "IAM roles for Amazon EC2",
        }.items()
    },
)

WAYS = {
    "secure boot reason": "The image is registered without Secure Boot keys.",
    "secure boot": "EC2 wants the keys as UEFI data, and they stay in the source's firmware.",
    "tpm": "NitroTPM",
    "licence": "one of your own, where its terms allow it on shared hardware; Microsoft's allow "
    "Windows on dedicated hosts only",
    "profile": "an instance profile",
    "key": "the account's default key for EBS",
}
"""See :func:`coldferry.left_behind.left_behind`."""
