# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs the live host that it runs in on a disk of the machine, asked for on a console or by an answer file."""
