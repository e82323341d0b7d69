"""A share full of crashes: what lies there, whether it is finished, which dump it is, whose.

find -> Found -> settle -> identify -> HostNames.name
"""

from vmtriage.fleet.share.find import Unread, find
from vmtriage.fleet.share.identity import identify
from vmtriage.fleet.share.naming import HostName, HostNames
from vmtriage.fleet.share.settling import Patience, Ready, Seen, Wait, settle

__all__ = [
    "HostName", "HostNames", "Patience", "Ready", "Seen", "Unread", "Wait", "find", "identify",
    "settle",
]  # fmt: skip
