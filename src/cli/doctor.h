/* SPDX-License-Identifier: Apache-2.0
 * What `openalb doctor` and `openalb explain` share. */
#pragma once

#include "base/buf.h"
#include "text/text.h"

/* Everything that the tables know of a finding ("DNS-01", in any letter case), or of one that is
 * only named beside others. False: there is none. */
bool finding_explain(struct str id, const struct term *t, struct buf *out);
/* The same as one JSON object. */
bool finding_explain_json(struct str id, struct buf *out);
