/* SPDX-License-Identifier: Apache-2.0
 * Named limits, from limits.def. */
#pragma once

enum limit {
#define LIMIT(name, value, unit, what) LIMIT_##name = (value),
#include "base/limits.def"
#undef LIMIT
};
