# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace as a person writes it, loaded, rendered, parsed and checked. Decides nothing."""
