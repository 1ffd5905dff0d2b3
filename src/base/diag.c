/* SPDX-License-Identifier: Apache-2.0
 * Diagnostic lines: one write(2) each, so that lines of several processes do not mix. */
#include "base/diag.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *diag_role = "openalb";
static enum diag_level diag_max = DIAG_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void
diag_init(const char *role, enum diag_level level)
{
    diag_role = role;
    diag_max = level;
}

bool
diag_on(enum diag_level level)
{
    return level <= diag_max;
}

static void
out_printable(struct out *o, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f) {
            OUT_LIT(o, "\\x");
            out_hex(o, byte, 2);
        } else {
            out_char(o, *c);
        }
    }
}

void
diag(enum diag_level level, const char *fmt, ...)
{
    if (!diag_on(level)) {
        return;
    }
    int saved = errno;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a cut line will do */
    va_end(args);

    char line[3072];
    char head[96];
    struct out o = out_of(line, sizeof(line) - 1);
    out_iso8601(&o, clock_wall_us(), true);
    (void)snprintf(head, sizeof(head), " %s[%d] %s ", diag_role, (int)getpid(), level_names[level]);
    out_bytes(&o, head, strlen(head));
    out_printable(&o, text);
    *o.p++ = '\n'; /* one byte is kept back for it above */
    ssize_t n = write(STDERR_FILENO, line, (size_t)(o.p - line));
    (void)n; /* nobody is left to tell */
    errno = saved;
}
