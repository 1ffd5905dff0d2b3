/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the spool and of the shipper share: a place of their own under the temporary
 * folder, a model with load balancers that log, and a look at what was delivered. */
#pragma once

#include "base/diag.h"
#include "base/mem.h"
#include "base/test.h"
#include "log/log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PLACE_WORKERS = 2, PLACE_BALANCERS = 2 };
#define PLACE_NOON                                                                                 \
    (UINT64_C(1790121600) * 1000000 + UINT64_C(43200) * 1000000) /* 2026-09-23T12:00Z */
#define SECOND_US UINT64_C(1000000)

struct place {
    char root[128];
    int spool_fd, s3_fd;
    int region_fds[PLACE_WORKERS];
    struct board *board;
    struct load_balancer balancers[PLACE_BALANCERS];
    struct model model;
};

static inline void
place_folder(struct place *p, const char *name, int *ret_fd)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", p->root, name);
    CHECK_INT(mkdir(path, 0755), 0);
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(*ret_fd >= 0);
}

static inline void
place_init(struct place *p)
{
    const char *base = getenv("TMPDIR");
    *p = (struct place){.spool_fd = -1};
    diag_init("test", DIAG_ERROR); /* warnings are what many of these tests provoke */
    (void)snprintf(p->root, sizeof(p->root), "%.64s/openalb-log-XXXXXX",
                   base == NULL ? "/tmp" : base);
    CHECK(mkdtemp(p->root) != NULL);
    place_folder(p, "spool", &p->spool_fd);
    place_folder(p, "s3", &p->s3_fd);
    CHECK_INT(mkdirat(p->s3_fd, "logs-one", 0755), 0);
    CHECK_INT(mkdirat(p->s3_fd, "logs-two", 0755), 0);
    for (unsigned w = 0; w < PLACE_WORKERS; w++) {
        CHECK_INT(log_region_create(&p->region_fds[w], NULL), ERR_OK);
    }
    p->board = xalloc(sizeof(struct board) + PLACE_WORKERS * sizeof(struct board_worker));
    p->balancers[0] = (struct load_balancer){
        .log_id = STR("app/edge-one/0a1b2c3d4e5f6071"),
        .slot = 0,
        .access_logs = {true, STR("logs-one"), STR("team/web")},
    };
    p->balancers[1] = (struct load_balancer){
        .log_id = STR("app/edge-two/1111222233334444"),
        .slot = 7,
        .access_logs = {true, STR("logs-two"), STR_NONE},
    };
    p->model.load_balancers = p->balancers;
    p->model.load_balancer_count = PLACE_BALANCERS;
}

static inline int
place_remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                 struct FTW *at UNUSED)
{
    return remove(path);
}

static inline void
place_done(struct place *p)
{
    (void)close(p->spool_fd);
    (void)close(p->s3_fd);
    for (unsigned w = 0; w < PLACE_WORKERS; w++) {
        (void)close(p->region_fds[w]);
    }
    xfree(p->board);
    CHECK_INT(nftw(p->root, place_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline struct log_spool *
place_spool(struct place *p, unsigned worker, uint32_t generation, uint32_t interval_s,
            uint64_t wall_us)
{
    struct log_spool_env env = {
        .region_fd = p->region_fds[worker],
        .spool_dirfd = p->spool_fd,
        .worker = worker,
        .generation = generation,
        .interval_s = interval_s,
        .account = "111122223333",
        .region = "eu-central-1",
        .row = &p->board->workers[worker],
    };
    struct log_spool *s = NULL;
    CHECK_INT(log_spool_open(&env, wall_us, &s, NULL), ERR_OK);
    log_spool_configure(s, &p->model);
    return s;
}

static inline struct ship_result
place_ship(struct place *p, bool final, uint64_t spool_bytes_max)
{
    struct ship_env env = {
        .spool_dirfd = p->spool_fd,
        .bucket_dirfd = p->s3_fd,
        .region_fds = p->region_fds,
        .workers = PLACE_WORKERS,
        .board = p->board,
        .spool_bytes_max = spool_bytes_max,
    };
    struct ship_result result;
    ship_pass(&env, final, &result);
    return result;
}

/* ---- looking at files ---- */

enum { FOUND_MAX = 4096 };
struct found {
    char *paths[FOUND_MAX]; /* owned; below the root */
    size_t count;
    size_t folders;
};

static struct found *found_now; /* nftw has no context */
static size_t found_skip;

static inline int
found_note(const char *path, const struct stat *st UNUSED, int type, struct FTW *at)
{
    if (type == FTW_F && found_now->count < FOUND_MAX) {
        found_now->paths[found_now->count++] = xstrdup(path + found_skip);
    }
    found_now->folders += type == FTW_D && at->level > 0;
    return 0;
}

static inline int
found_order(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static inline void
found_free(struct found *f)
{
    for (size_t i = 0; i < f->count; i++) {
        xfree(f->paths[i]);
    }
    *f = (struct found){0};
}

/* All files of "spool" or "s3", sorted. */
static inline void
place_find(const struct place *p, const char *folder, struct found *ret_found)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", p->root, folder);
    found_free(ret_found);
    found_now = ret_found;
    found_skip = strlen(path) + 1;
    CHECK_INT(nftw(path, found_note, 16, FTW_PHYS), 0);
    qsort(ret_found->paths, ret_found->count, sizeof(ret_found->paths[0]), found_order);
}

/* A file's bytes, after gunzip when it is gzip. */
static inline void
place_read(int root, const char *path, struct buf *text)
{
    char chunk[16384];
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    gzFile z = gzdopen(fd, "rb");
    CHECK(z != NULL);
    for (int n; z != NULL && (n = gzread(z, chunk, sizeof(chunk))) != 0;) {
        CHECK(n > 0);
        if (n < 0) {
            break;
        }
        buf_add(text, chunk, (size_t)n);
    }
    if (z != NULL) {
        CHECK_INT(gzclose(z), Z_OK);
    }
}

/* The text of all delivered objects. */
static inline size_t
place_delivered(const struct place *p, struct buf *text)
{
    struct found found = {.count = 0};
    place_find(p, "s3", &found);
    size_t count = found.count;
    for (size_t i = 0; i < count; i++) {
        CHECK(str_ends(str_of(found.paths[i]), STR(".log.gz")));
        place_read(p->s3_fd, found.paths[i], text);
    }
    found_free(&found);
    return count;
}

static inline void
place_write(int root, const char *path, struct str text)
{
    const char *name;
    int folder = tree_open_parent(root, path, 0, 0755, &name);
    CHECK(folder >= 0);
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK(tree_pwrite(fd, text.p, text.n, 0));
    CHECK_INT(close(fd), 0);
    CHECK_INT(close(folder), 0);
}
