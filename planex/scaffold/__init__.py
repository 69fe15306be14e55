# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new package out of an upstream source: what its files tell, the spec that follows, and what a build's log mends."""
