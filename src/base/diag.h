/* SPDX-License-Identifier: Apache-2.0
 * Diagnostic lines on standard error: "time role[pid] level text key=value ...". Floors 0 to 2
 * never log above debug. error: someone must act. warn: we go on, and the text says so. info: the
 * world changed. debug: for us. */
#pragma once

#include "base/defs.h"

enum diag_level { DIAG_ERROR, DIAG_WARN, DIAG_INFO, DIAG_DEBUG };

void diag_init(const char *role, enum diag_level level); /* role: borrowed for ever */
bool diag_on(enum diag_level level);
/* One line; control bytes in it are written as \xHH. */
void diag(enum diag_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define diag_error(...) diag(DIAG_ERROR, __VA_ARGS__)
#define diag_warn(...) diag(DIAG_WARN, __VA_ARGS__)
#define diag_info(...) diag(DIAG_INFO, __VA_ARGS__)
#define diag_debug(...)                                                                            \
    do {                                                                                           \
        if (UNLIKELY(diag_on(DIAG_DEBUG))) {                                                       \
            diag(DIAG_DEBUG, __VA_ARGS__);                                                         \
        }                                                                                          \
    } while (0)
