"""A region that offers few instance types, for tests that read all of them again and again.

moto knows about a thousand, and listing them takes it seconds. A region of AWS offers what it
offers, so that a small one is one, too. Source: DescribeInstanceTypes and
DescribeInstanceTypeOfferings of the EC2 API reference.
"""

from typing import Any

from moto.ec2.models.instance_types import InstanceTypeBackend, InstanceTypeOfferingBackend

from sandbox.aws.patching import replace
from sandbox.aws.world import current


def describe_types(self: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """DescribeInstanceTypes: of those that the region offers."""
    return _offered(_describe_types(self, *args, **kwargs))


def describe_offerings(self: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """DescribeInstanceTypeOfferings."""
    return _offered(_describe_offerings(self, *args, **kwargs))


def _offered(found: list[Any]) -> list[Any]:
    types = current().settings.types
    return [row for row in found if row.get("InstanceType") in types] if types else found


_describe_types = replace(InstanceTypeBackend, "describe_instance_types", describe_types)
_describe_offerings = replace(
    InstanceTypeOfferingBackend, "describe_instance_type_offerings", describe_offerings
)
