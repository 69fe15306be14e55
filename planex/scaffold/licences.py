# SPDX-License-Identifier: LGPL-2.1-or-later
"""The SPDX name of a licence, by the words that only its text has. Pure."""

from __future__ import annotations

import re

from planex.scaffold.survey import Survey

_NAMED = re.compile(r"(?:.*/)?(?:COPYING|LICEN[CS]E|COPYRIGHT)[^/]*")
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([\w.+-]+(?:\s+(?:AND|OR|WITH)\s+[\w.+-]+)*)")
_METADATA = re.compile(
    r"^(?:License(?:-Expression)?:\s*|license\s*=\s*\{?\s*(?:text\s*=\s*)?[\"'])([\w.+ -]+)", re.MULTILINE
)
_WORDS = (
    ("AGPL-3.0-or-later", r"gnu affero general public license version 3"),
    ("LGPL-3.0-or-later", r"gnu lesser general public license version 3"),
    ("LGPL-2.1-or-later", r"gnu lesser general public license version 2\.1"),
    ("LGPL-2.0-or-later", r"gnu library general public license version 2"),
    ("GPL-3.0-or-later", r"gnu general public license version 3"),
    ("GPL-2.0-or-later", r"gnu general public license version 2"),
    ("GPL-1.0-or-later", r"gnu general public license version 1"),
    ("Apache-2.0", r"apache license version 2\.0"),
    ("MPL-2.0", r"mozilla public license version 2\.0"),
    ("EPL-2.0", r"eclipse public license v 2\.0"),
    ("BSL-1.0", r"boost software license version 1\.0"),
    ("Unlicense", r"this is free and unencumbered software released into the public domain"),
    ("CC0-1.0", r"cc0 1\.0 universal"),
    ("WTFPL", r"do what the fuck you want to public license"),
    ("Artistic-2.0", r"the artistic license 2\.0"),
    ("BSD-4-Clause", r"redistribution and use in source and binary forms.*all advertising materials mentioning"),
    (
        "BSD-3-Clause",
        r"redistribution and use in source and binary forms.*(neither the name|the names? of .{1,80} may not)",
    ),
    ("BSD-2-Clause", r"redistribution and use in source and binary forms"),
    ("ISC", r"permission to use copy modify and(?: or)? distribute this software for any purpose with or without fee"),
    ("MIT", r"permission is hereby granted free of charge to any person obtaining a copy of this software"),
    ("Zlib", r"this software is provided as is without any express or implied warranty in no event.*altered source"),
)


def licence_files(survey: Survey) -> list[str]:
    """Paths of the texts of licences, those at the top only."""
    return sorted(path for path in survey.files if _NAMED.fullmatch(path) and "/" not in path)


def licence_of(survey: Survey) -> str | None:
    """What the texts of licences are, joined by AND; None where none is known."""
    texts = [survey.texts[path] for path in licence_files(survey) if path in survey.texts]
    found = dict.fromkeys(name for text in texts if (name := named(text)))
    if not found:
        metadata = [text for _, text in survey.named("pyproject.toml", "PKG-INFO")]
        readme = [text for path, text in survey.texts.items() if path.startswith("README")]
        found = dict.fromkeys(match[1] for text in metadata if (match := _SPDX.search(text) or _METADATA.search(text)))
        found = found or dict.fromkeys(name for text in readme if (name := named(text)))
    return " AND ".join(found) or None


def named(text: str) -> str | None:
    """The licence that a text is."""
    if match := _SPDX.search(text):
        return match[1]
    plain = " ".join(re.sub(r"[^a-z0-9.]+", " ", text.lower()).replace(". ", " ").split())
    head = plain[:4000]
    return next((name for name, words in _WORDS if re.search(words, head)), None)
