/* SPDX-License-Identifier: Apache-2.0
 * Files in memory, for the tests and fuzz targets of webconf. */
#pragma once

#include "webconf/webconf.h"

struct memory_file {
    const char *path; /* absolute */
    struct str bytes;
};

struct memory_files {
    const struct memory_file *items; /* borrowed */
    size_t count;
};

/* `m` must outlive the result. A folder is there when a file lies below it. */
struct webconf_files memory_files_ops(struct memory_files *m);
