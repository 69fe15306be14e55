# SPDX-License-Identifier: LGPL-2.1-or-later
"""Patch queues: read, checked, worked on in git, and carried to new upstream versions."""
