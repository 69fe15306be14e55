# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages that others keep, taken into a workspace."""
