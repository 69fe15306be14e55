# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries packages to other upstream versions: finds their sources, and rebases patch queue and recipe together."""
