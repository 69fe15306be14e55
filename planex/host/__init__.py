# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host ISO: its definition, its live root, the respin of a base ISO, its checks and its manifest."""
