/* SPDX-License-Identifier: Apache-2.0
 * The end of a process whose own state is broken. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *doing = "starting";

void
assert_doing(const char *what)
{
    doing = what;
}

void
assert_failed(const char *expression, const char *file, int line, const char *function)
{
    fprintf(stderr, "openalb[%d]: assertion failed: %s at %s:%d in %s, while %s\n", (int)getpid(),
            expression, file, line, function, doing);
    abort();
}
