/* SPDX-License-Identifier: Apache-2.0
 * What `openalb policy check` says: for people and for programs. */
#pragma once

#include "policy/delivery.h"
#include "text/text.h"

void policy_report_text(struct buf *out, const struct term *t, const struct delivery_question *q,
                        const struct delivery_report *r);
/* One object; the keys stand in docs/policies.md. */
void policy_report_json(struct buf *out, const struct delivery_question *q,
                        const struct delivery_report *r);
