/* SPDX-License-Identifier: Apache-2.0
 * What the files of this module share. */
#pragma once

#include "targets/targets.h"

struct targets {
    struct loop *loop;   /* borrowed */
    struct board *board; /* borrowed */
    struct board_worker *row;
    struct list all; /* target_run.link */
    struct pool conns;
    struct tls_client *tls; /* owned */
};
