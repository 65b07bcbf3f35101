"""What EC2 needs of a guest, and what it leaves in one.

Sources: "Amazon EBS volumes and NVMe" and "Enhanced networking with ENA" of
the EC2 user guide (Nitro: nvme and ena); "Amazon EC2 serial console" (ttyS0);
awslabs/aws-support-tools, EC2/NitroInstanceChecks, which looks for the same
drivers and for device names in fstab; "Instance store volumes" (names are not
kept, content is lost at a stop); "Working with SSM Agent on EC2 instances for
Windows Server" and "Start the CloudWatch agent" (names of their services);
cloud-init's datasource "Ec2".
"""

from coldferry.guest.needs import GuestNeeds

GUEST = GuestNeeds(
    storage_drivers=("nvme",),
    network_drivers=("ena",),
    datasource="Ec2",
    console="ttyS0",
    # cloud-init sets the guest up; the agent adds what Systems Manager does in it.
    agents=("amazon-ssm-agent", "cloud-init"),
    windows_boot_drivers=("stornvme",),
    foreign_agents=(
        "AmazonCloudWatchAgent",
        "AmazonSSMAgent",
        "amazon-ssm-agent",
        "amazon-cloudwatch-agent",
        "amazon-ec2-net-utils",
        "ec2-instance-connect",
        "ec2-net-utils",
        "hibagent",
    ),
    temporary_devices=r"/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_\S+",
)
