# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots: all that one commit of a workspace makes, published whole, kept, compared and promoted."""
