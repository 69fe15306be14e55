# SPDX-License-Identifier: LGPL-2.1-or-later
"""What RPM's own tools are asked: specs, mock configurations, SRPMs, RPM files, repositories, dnf."""
