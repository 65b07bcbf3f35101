"""A script that mends in the still running guest what an inspection found in it.

Making it changes nothing: a person reads it and runs it, any number of times.
What only a person can decide stays a finding.
"""

from coldferry.guest.preparing.case import Remedy
from coldferry.guest.preparing.script import Preparation, prepare

__all__ = ["Preparation", "Remedy", "prepare"]
