# SPDX-License-Identifier: LGPL-2.1-or-later
"""SHA-256 that is gone on with later says what hashlib says of the whole."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.medium import sha256


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_it_can_be_kept_half_way(first: bytes, second: bytes) -> None:
    digest = sha256.begin()
    digest.update(bytearray(first))
    assert digest.hexdigest() == hashlib.sha256(first).hexdigest()
    kept = digest.state
    later = sha256.begin(kept)
    later.update(memoryview(bytearray(second)))
    assert later.hexdigest() == hashlib.sha256(first + second).hexdigest()
    assert digest.state == kept


def test_without_openssl_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sha256, "_find", lambda: None)
    digest = sha256.begin()
    digest.update(bytearray(b"x"))
    assert digest.hexdigest() == hashlib.sha256(b"x").hexdigest()
    assert not hasattr(digest, "state")
