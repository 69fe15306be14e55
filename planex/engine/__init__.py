# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deciding what to build, and building it."""
