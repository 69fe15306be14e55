# SPDX-License-Identifier: LGPL-2.1-or-later
"""A virtual machine that an ISO is started in, and the proof that it is a working host."""
