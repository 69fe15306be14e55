# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a value in a file that a person wrote, in their words and not in those of a type checker."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

_LIST = "must be a list"
_MAPPING = "must be a mapping, with lines `key: value`"
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_DATE = "must be a date, as in 2024-01-31"
_WORDS = {
    "string_type": "must be a text (a number or true, false, yes, no in quotes)",
    "string_unicode": "must be a text of valid characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "{input} is not allowed here: it must match {pattern}",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "is too large a number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a number that is not infinite",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "none_required": "must be left empty",
    "path_type": "must be a path",
    "recursion_loop": "must not contain itself",
    "missing": "is missing",
}
_SHOWN = 60
"""Characters of a value that are shown."""


def complaint(details: ErrorDetails, *, of_words: bool = False) -> str:
    """The mistake as the end of a sentence about the value. ``of_words``: a list there would be one of words."""
    words = _WORDS.get(details["type"])
    if words is None:
        return re.sub(r"^(?:Value error|Assertion failed), ", "", details["msg"]).replace("Input should be", "must be")
    if words is _LIST and of_words:
        return f"{_LIST} of words"
    shown = _shown(details["input"]) if "{input}" in words else ""
    return words.format(**{"input": shown, **details.get("ctx", {})})


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def joined(complaints: Sequence[str]) -> str:
    """Complaints of all that a value might have been, as one: ``must be a text, or true or false``."""
    once = list(dict.fromkeys(complaints))
    return ", or ".join([once[0], *(text.removeprefix("must be ") for text in once[1:])])
