/* SPDX-License-Identifier: Apache-2.0
 * Shared by the files of this folder: how a role is born. */
#pragma once

#include "role/role.h"

/* The role's name in ps, in lines and on the board. */
const char *role_name(enum role_kind kind); /* "worker" */

enum gift {
#define GIFT(name, control, worker, checker, shipper, meaning) GIFT_##name,
#include "role/gifts.def"
#undef GIFT
    GIFT_COUNT
};
bool gift_wanted(enum gift gift, enum role_kind kind);

/* Set in a role's environment: the number of its channel's descriptor. */
#define ROLE_CHANNEL_VARIABLE "OPENALB_CHANNEL"
enum { ROLE_CHANNEL_FD = 3 };

/* How long workers may take to finish what runs. */
enum { DRAIN_S = 30 };

/* Seconds to wait before a role that died is started again. `quick` counts the deaths in a row that
 * came within QUICK_DEATH_S of the start: the first restart is at once. */
enum { QUICK_DEATH_S = 10, RESTART_DELAY_MAX_S = 30 };
unsigned restart_delay_s(unsigned quick);
