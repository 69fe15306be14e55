# SPDX-License-Identifier: LGPL-2.1-or-later
"""How queues and patches are written: series, headers, diffs. Pure."""
