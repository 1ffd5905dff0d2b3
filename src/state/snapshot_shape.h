/* SPDX-License-Identifier: Apache-2.0
 * The tables of the snapshot document, private to this module. */
#pragma once

#include "state/doc.h"

/* Of struct model. The reader's context must be the model itself: references between resources are
 * looked up in it by ARN. */
extern const struct doc_shape snapshot_shape;
