/* SPDX-License-Identifier: Apache-2.0
 * The control role's parts: control.c hears orders and tells outcomes, control_build.c turns
 * templates into a published configuration. */
#pragma once

#include "role/channel.h"
#include "role/role.h"
#include "state/snapshot.h"
#include "template/template.h"
#include "tls/ca.h"

/* A template as the supervisor opened it. */
struct template_file {
    int fd;       /* owned; -1: could not be opened */
    char *reason; /* owned; why not */
};

/* Why a configuration was refused, one sentence each. */
struct reasons {
    char **texts; /* owned, each one too */
    size_t count, cap;
    size_t not_shown;
};
void reasons_add(struct reasons *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reasons_free(struct reasons *r);

struct control {
    struct role_env *env;        /* borrowed */
    struct ca *ca;               /* owned */
    struct template_file *files; /* owned: one per -f */
    size_t file_count;
};

/* Builds, has the ports bound, stores, and publishes. False: refused, for these reasons. */
bool control_build(struct control *c, uint64_t *ret_version, struct reasons *ret_reasons);
