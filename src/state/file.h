/* SPDX-License-Identifier: Apache-2.0
 * Small files that are replaced as a whole and read as a whole. Never in the request path. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Replaces `name` in the folder: writes "NAME.new", fsync, rename, fsync the folder. Readers see
 * the old text or the new one, never a part; a NAME.new left by a crash is ignored and overwritten.
 */
enum err file_store(int dirfd, const char *name, struct str text, mode_t mode,
                    struct errinfo *reterr) MUST_USE;
/* Appends the whole file to `out`. ERR_NOT_FOUND when there is none, ERR_TOO_LARGE over max_bytes.
 */
enum err file_load(int dirfd, const char *name, size_t max_bytes, struct buf *out,
                   struct errinfo *reterr) MUST_USE;
