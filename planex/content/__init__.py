# SPDX-License-Identifier: LGPL-2.1-or-later
"""How planex keeps what it made: locks, copies, proofs that files are what they were, and the sweeping of leftovers."""
