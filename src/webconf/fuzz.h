/* SPDX-License-Identifier: Apache-2.0
 * What the two fuzz targets of webconf share. */
#pragma once

#include "webconf/webconf.h"

/* The input is one configuration of several files: /f/0 is the main one, what stands behind each
 * line "%%" is /f/1, /f/2, ... Reads it and asks questions; checks what must hold of the answers.
 */
void webconf_fuzz(enum webconf_kind kind, struct str input);
