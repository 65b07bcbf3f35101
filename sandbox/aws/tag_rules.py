"""What EC2 refuses of tags, wherever a request carries them.

moto takes any. Source: "Tag your Amazon EC2 resources: Tag restrictions" of the
EC2 user guide: keys to 128 and values to 256 characters, 50 a resource, unique
keys, and the reserved prefix ``aws:``, which only AWS itself gives: here the
double's own Auto Scaling, which does not come this way. EC2 "allows for any
character", and answers in XML, which cannot hold most control characters.
AWS documents no wording; the reserved prefix's is known from its answers.
"""

import re
from collections import defaultdict

from sandbox.aws.errors import AwsError

MAX_TAGS, MAX_KEY_CHARS, MAX_VALUE_CHARS = 50, 128, 256
_FIELD = re.compile(r"(?:(.*)\.)?Tag\.(\d+)\.(Key|Value)")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def check_tags(form: dict[str, str]) -> None:
    """Refuse a call of EC2 with tags that are none: ``Tag.1.Key``, ``TagSpecification.1.Tag…``."""
    sets: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for name, text in form.items():
        if found := _FIELD.fullmatch(name):
            where, number, part = found.groups()
            sets[where or ""][number][part] = text
    for tags in sets.values():
        keys = [tag.get("Key", "") for tag in tags.values()]
        for tag in tags.values():
            _check(tag.get("Key", ""), tag.get("Value", ""))
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise _invalid(f"Duplicate tag key '{twice}' specified.")
        if len(keys) > MAX_TAGS:
            message = "The maximum number of Tags for a resource has been reached."
            raise AwsError(400, "TagLimitExceeded", message)


def _check(key: str, value: str) -> None:
    if not key:
        raise _invalid("Tag key cannot be null or empty.")
    if key.lower().startswith("aws:"):
        raise _invalid(
            f"Value ( {key} ) for parameter key is invalid. "
            "Tag keys starting with 'aws:' are reserved for internal use"
        )
    if len(key) > MAX_KEY_CHARS:
        raise _invalid(f"Tag key exceeds the maximum length of {MAX_KEY_CHARS} characters.")
    if len(value) > MAX_VALUE_CHARS:
        raise _invalid(f"Tag value exceeds the maximum length of {MAX_VALUE_CHARS} characters.")
    if _NOT_IN_XML.search(key + value):
        raise _invalid("A tag contains characters that are not valid.")


def _invalid(message: str) -> AwsError:
    return AwsError(400, "InvalidParameterValue", message)
