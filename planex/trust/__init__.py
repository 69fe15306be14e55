# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures: public keys, signers, and what of a build is signed by them."""
