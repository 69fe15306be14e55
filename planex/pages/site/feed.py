# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nights as an Atom feed (RFC 4287). Ids are made of target and snapshot, so that they never change."""

from __future__ import annotations

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from planex.pages.site.chart import xml
from planex.pages.site.frame import Site, brief, day, night_page, said, state_of_night, what_of
from planex.snapshot.nights import Night

_ENTRIES = 30


def feed(site: Site) -> str:
    """The newest nights, the newest first."""
    nights = site.nights.nights[::-1][:_ENTRIES]
    entries = "".join(_entry(site, night) for night in nights)
    updated = _when(nights[0]) if nights else "1970-01-01T00:00:00+00:00"
    return f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>{_id(site.name)}</id>
<title>{xml(site.name)}</title>
<updated>{updated}</updated>
<author><name>planex</name></author>
<link rel="self" href="feed.xml"/>
<link rel="alternate" type="text/html" href="index.html"/>
{entries}</feed>
"""


def _entry(site: Site, night: Night) -> str:
    title = f"{brief(night.ident)} is {state_of_night(night)}"
    return f"""<entry>
<id>{_id(f"{site.name}/{night.ident}")}</id>
<title>{xml(title)}</title>
<updated>{_when(night)}</updated>
<link rel="alternate" type="text/html" href="{night_page(night.ident)}"/>
<summary>{_summary(night)}</summary>
</entry>
"""


def _summary(night: Night) -> str:
    bad = [f"{part.name}: {part.message}" for part in night.snapshot.parts if part.message] if night.snapshot else []
    return xml_said("\n".join([what_of(night), *bad]))


def xml_said(text: str) -> str:
    """A message, not all of it where it is long."""
    return said(text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd"))


def _when(night: Night) -> str:
    """When it was begun; its day where the record says no time that can be read."""
    try:
        found = datetime.fromisoformat(night.snapshot.began if night.snapshot else "")
    except ValueError:
        return f"{day(night.ident)}T00:00:00Z"
    return found.isoformat(timespec="seconds") + ("" if found.tzinfo else "Z")


def _id(text: str) -> str:
    return uuid5(NAMESPACE_URL, f"planex:{text.encode('utf-8', 'backslashreplace').decode()}").urn
