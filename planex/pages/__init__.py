# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages and texts for people and programs, made of plain data. Reads, never acts."""
