/* SPDX-License-Identifier: Apache-2.0
 * The command line of `openalb doctor`: a URL as people type or paste it, and the options of
 * options.def. It asks no name server; of the disk it reads only files of cookies. */
#pragma once

#include "base/buf.h"
#include "doctor/facts.h"

/* What the command does beside the question. Texts are borrowed from argv. */
struct doctor_options {
    bool help, json, quiet, verbose, show_commands, save_secrets;
    unsigned watch_s; /* 0: once */
    const char *html_file, *save_file, *replay_file, *color, *explain,
        *expect; /* NULL: not given */
    const char *access_logs[LOG_PATHS_MAX];
    size_t access_log_count;
    const char *bucket_policy, *log_bucket, *log_prefix; /* NULL: not given */
};

/* argv[0] is not looked at. --lang takes effect at once (text_init), so that sentences about later
 * options are in that language. With --help, --explain or --replay there need be no URL;
 * ret_question is empty then. ERR_INVALID: the command line is wrong; ERR_SYSTEM, ERR_TOO_LARGE: a
 * file that it names cannot be read. On failure nothing is left to release. */
enum err question_parse(int argc, char **argv, struct question *ret_question,
                        struct doctor_options *ret_options, struct errinfo *reterr) MUST_USE;
/* The URL alone, into scheme, host, port, path, url, typed. */
enum err question_set_url(struct question *q, struct str typed, struct errinfo *reterr) MUST_USE;
/* The word of a browser in whatever was pasted: "net::ERR_FAILED", a page's sentence with it, or
 * "ssl protocol error". False: there is none. */
bool question_browser_error(struct str pasted, char *to, size_t size);
/* The help, translated, at most `width` columns wide. */
void question_help(struct buf *out, unsigned width);
