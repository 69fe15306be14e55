# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues carried to other upstream versions: what becomes of each patch."""
