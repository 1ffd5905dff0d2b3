/* SPDX-License-Identifier: Apache-2.0
 * What the two fuzz targets of webconf share. */
#include "webconf/fuzz.h"

#include "webconf/memory_files.h"

#include "base/assert.h"
#include "base/limits.h"

enum { FILES_MAX = 8 };

static const char *const paths[FILES_MAX] = {"/f/0", "/f/1", "/f/2", "/f/3",
                                             "/f/4", "/f/5", "/f/6", "/f/7"};

static size_t
cut_files(struct str input, struct memory_file files[FILES_MAX])
{
    size_t count = 0;
    for (;;) {
        size_t at = input.n;
        bool more = count + 1 < FILES_MAX && str_find(input, STR("%%\n"), &at);
        files[count] = (struct memory_file){paths[count], str_sub(input, 0, at)};
        count++;
        if (!more) {
            return count;
        }
        input = str_sub(input, at + 3, SIZE_MAX);
    }
}

static void
check_remark(const struct webconf_remark *m)
{
    ASSERT(m->kind < WEBCONF_REMARK_COUNT);
    ASSERT(m->weight <= WEBCONF_FAULT);
    ASSERT(m->file != NULL && m->text != NULL && m->corrected != NULL);
    ASSERT(strlen(m->text) <= LIMIT_WEBCONF_TEXT);
    ASSERT(m->arg_count <= WEBCONF_ARGS_MAX);
}

/* The same question has the same answer: nothing of one judgement stays in the configuration. */
static void
ask(const struct webconf *c, const struct webconf_question *q)
{
    struct webconf_remarks *first = webconf_judge(c, q), *second = webconf_judge(c, q);
    ASSERT(first->count == second->count);
    for (size_t i = 0; i < first->count; i++) {
        check_remark(&first->items[i]);
        ASSERT(first->items[i].kind == second->items[i].kind);
        ASSERT(strcmp(first->items[i].corrected, second->items[i].corrected) == 0);
    }
    webconf_remarks_free(&first);
    webconf_remarks_free(&second);
}

void
webconf_fuzz(enum webconf_kind kind, struct str input)
{
    static const struct webconf_question questions[] = {
        {.host = "a.example", .https = true, .port = 8443, .target_port = 8080},
        {.host = "a.example",
         .https = true,
         .target_port = 443,
         .target_speech = WEBCONF_SPEECH_TLS},
        {.https = true, .port = 8443},
        {.host = "::1", .port = 80, .target_speech = WEBCONF_SPEECH_PLAIN}};
    struct memory_file files[FILES_MAX];
    struct memory_files memory = {files, cut_files(input, files)};
    struct webconf_files ops = memory_files_ops(&memory);
    struct webconf_options o = {.path = paths[0], .kind = kind, .files = &ops};
    struct webconf *c = NULL;
    struct errinfo e;
    if (webconf_read(&o, &c, &e) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        ask(c, &questions[i]);
    }
    webconf_free(&c);
}
