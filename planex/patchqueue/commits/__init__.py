# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues as git commits, and back."""
