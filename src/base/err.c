/* SPDX-License-Identifier: Apache-2.0
 * Error names, texts and sentences. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} errors[ERR_COUNT] = {
#define ERR(name, text) [ERR_##name] = {"ERR_" #name, text},
#include "base/err.def"
#undef ERR
};

const char *
err_name(enum err e)
{
    return errors[e].name;
}

const char *
err_text(enum err e)
{
    return errors[e].text;
}

enum err
err_set(struct errinfo *reterr, enum err e, const char *fmt, ...)
{
    if (reterr != NULL) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(reterr->text, sizeof(reterr->text), fmt, args); /* a cut sentence will do */
        va_end(args);
    }
    return e;
}

enum err
err_errno(struct errinfo *reterr, const char *fmt, ...)
{
    int saved = errno;
    if (reterr != NULL) {
        va_list args;
        va_start(args, fmt);
        int n = vsnprintf(reterr->text, sizeof(reterr->text), fmt, args);
        va_end(args);
        size_t used = n < 0 ? 0 : MIN_OF((size_t)n, sizeof(reterr->text) - 1);
        char reason[128] = "";
        const char *text = strerror_r(saved, reason, sizeof(reason));
        (void)snprintf(reterr->text + used, sizeof(reterr->text) - used, ": %s", text);
    }
    errno = saved;
    return ERR_SYSTEM;
}
