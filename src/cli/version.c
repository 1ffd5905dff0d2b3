/* SPDX-License-Identifier: Apache-2.0
 * `openalb version`: prints it. */
#include "cli/cli.h"

#include <stdio.h>

int
cmd_version(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "openalb version: unexpected argument '%s'\n", argv[1]);
        return EXIT_USAGE;
    }
    printf("openalb %s\n", OPENALB_VERSION);
    return EXIT_OK;
}
