/* SPDX-License-Identifier: Apache-2.0
 * The worker role, which joins what must not know each other: role and proxy. */
#pragma once

#include "role/role.h"

extern const struct role_ops worker_ops;
