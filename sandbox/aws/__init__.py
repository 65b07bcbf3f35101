"""An AWS double for loopback: moto as control plane, our own EBS direct data plane."""

import os

# moto reads it when a region's EC2 begins: its 1301 AMIs, each with an invented
# snapshot, would flood DescribeSnapshots.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
