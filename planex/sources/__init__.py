# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources: fetched, verified and kept. Takes plain values and knows no package."""
