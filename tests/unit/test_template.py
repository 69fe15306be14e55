# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from planex.errors import ConfigError
from planex.render import render_text

PATH = Path("specs/x/x.spec.j2")


def test_variables_and_final_newline() -> None:
    assert render_text("Name: {{ name }}\n", {"name": "x"}, PATH) == "Name: x\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb {{ versoin }}\n", "x.spec.j2:2: 'versoin' is undefined (did you mean 'version'?)"),
        ("{% if %}", "x.spec.j2:1: "),
        ("a\n{{ ''.__class__.__mro__ }}", "x.spec.j2:2: "),
        ("a\n\n{{ 1 / 0 }}", "x.spec.j2:3: division by zero"),
    ],
)
def test_mistakes_name_file_and_line(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        render_text(text, {"version": "1"}, PATH)
    assert expected in str(caught.value)


def test_templates_cannot_reach_the_machine() -> None:
    with pytest.raises(ConfigError):
        render_text("{{ cycler.__init__.__globals__.os.popen('id').read() }}", {}, PATH)
