/* SPDX-License-Identifier: Apache-2.0
 * The one table of ends (end_reasons.def): every way a connection or a request can end, with what
 * it means for status, log, metrics and people. */
#pragma once

#include "base/defs.h"

enum end_reason {
#define END(name, fault, status, times, metric, sentence) END_##name,
#include "state/end_reasons.def"
#undef END
    END_COUNT
};

enum end_fault {
    END_FAULT_NOBODY,
    END_FAULT_CLIENT,
    END_FAULT_TARGET,
    END_FAULT_US,
    END_FAULT_CONFIG
};
enum end_times {
    END_TIMES_DASHES,
    END_TIMES_SENT,
    END_TIMES_CLOSED,
    END_TIMES_ANSWERED,
    END_TIMES_NOLINE
};

struct end_row {
    const char *name; /* "TARGET_TIMEOUT" */
    enum end_fault fault;
    unsigned status;
    enum end_times times;
    const char *metric;
    const char *sentence;
};
const struct end_row *end_row(enum end_reason r);
const char *end_fault_name(enum end_fault f); /* "client" */
