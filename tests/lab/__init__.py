# SPDX-License-Identifier: Apache-2.0
"""The fault lab: each row of the fault catalogue built for real, its healthy twin beside it."""
