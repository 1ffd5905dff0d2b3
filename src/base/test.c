/* SPDX-License-Identifier: Apache-2.0
 * The TAP runner behind test.h. */
#include "base/test.h"

#include <stdarg.h>

struct test *test_first = NULL;
struct test **test_last = &test_first;
int test_failures_now = 0;

void
test_failed(const char *file, int line, const char *fmt, ...)
{
    test_failures_now++;
    printf("# %s:%d: ", file, line);
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

int
test_run_all(void)
{
    int count = 0;
    int failed = 0;
    for (struct test *t = test_first; t != NULL; t = t->next) {
        test_failures_now = 0;
        t->run();
        count++;
        failed += test_failures_now > 0;
        printf("%sok %d - %s\n", test_failures_now > 0 ? "not " : "", count, t->title);
        fflush(stdout);
    }
    printf("1..%d\n", count);
    return failed > 0;
}
