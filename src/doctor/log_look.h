/* SPDX-License-Identifier: Apache-2.0
 * Reads the files of --access-log and --bucket-policy into facts. It decides nothing: what the
 * lines mean is the business of infer_log.c and infer_policy.c. */
#pragma once

#include "doctor/facts.h"

/* Looks for the requests of this diagnosis in the logs behind `paths` (files and folders, plain or
 * gzip; at most LOG_PATHS_MAX) and fills facts->log anew. The requests' mark and times are those of
 * the facts, live or saved. Files whose names show that they end long before are left out. Where a
 * file is one that a load balancer is writing, lines that are still on their way are waited for, a
 * few seconds at most, unless the facts were saved. ERR_NOT_FOUND, ERR_SYSTEM: a path that is not
 * there or cannot be read. */
enum err log_look(struct facts *f, const char *const *paths, size_t count, struct errinfo *reterr)
    MUST_USE;

/* Keeps the policy in `file` and where it should let whose logs go, for the check; replaces an
 * earlier one. All strings are copied. ERR_INVALID: the bucket, prefix, account or region cannot
 * be one; ERR_SYSTEM, ERR_TOO_LARGE: the file. */
struct policy_wanted {
    const char *file, *bucket, *prefix, *account, *region; /* none NULL; prefix "" without one */
};
enum err policy_look(struct facts *f, const struct policy_wanted *wanted, struct errinfo *reterr)
    MUST_USE;
