/* SPDX-License-Identifier: Apache-2.0
 * The command line: one table of subcommands in main.c, one file and one function each. */
#pragma once

/* Exit codes of every command. */
enum {
    EXIT_OK = 0,
    EXIT_FAULT = 1, /* it was done and the answer is no (invalid template, ...), or it failed */
    EXIT_USAGE = 2, /* the command line is wrong */
};

/* Of doctor, explain, hsts and logs, after sysexits.h: 1 and 2 are answers there. */
enum {
    EXIT_CLI_USAGE = 64,     /* the command line is wrong */
    EXIT_CLI_NOINPUT = 66,   /* what was asked for cannot be read or written */
    EXIT_CLI_TEMPORARY = 75, /* refused for now: try again later */
};

/* argv[0] is the subcommand's name. */
int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_ca(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_demo_target(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_hsts(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_version(int argc, char **argv);
