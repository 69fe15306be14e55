# SPDX-License-Identifier: LGPL-2.1-or-later
"""``%autorelease`` and ``%autochangelog``, which Fedora's tools fill in from dist-git's history. Pure.

Here the release is the package's own (in package.yaml, counted on by ``autorelease``), the changelog a file beside it.
"""

from __future__ import annotations

import re

CHANGELOG = "changelog"
"""File beside the spec, as in dist-git."""
_RELEASE = re.compile(r"%(?:\{\??autorelease\b|autorelease\b)")
_CHANGELOG = re.compile(r"^%(?:\{\??autochangelog\}|autochangelog)[ \t]*$", re.MULTILINE)
_MACRO = "%define autorelease(e:s:pb:n) %{{?-p:0.}}{}%{{?-e:.%{{-e*}}}}%{{?-s:.%{{-s*}}}}%{{!?-n:%{{?dist}}}}\n"


def asks_release(text: str) -> bool:
    """Whether a spec leaves its release to be counted."""
    return _RELEASE.search(text) is not None


def asks_changelog(text: str) -> bool:
    return _CHANGELOG.search(text) is not None


def filled_in(text: str, release: str, changelog: str) -> str:
    """The spec with what both macros stand for; all others as they are."""
    if asks_changelog(text):
        entries = changelog.replace("%", "%%").rstrip("\n")
        text = _CHANGELOG.sub(lambda _: entries, text)
    return _MACRO.format(release) + text if asks_release(text) else text
