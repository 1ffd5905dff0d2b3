/* SPDX-License-Identifier: Apache-2.0
 * For tests: a home folder of its own with files of browsers, curl and wget. */
#pragma once

#include "hsts/hsts.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/crypto.h"

enum { TEST_NOW_S = 1795000000 }; /* 18 November 2026 */

static char test_home[64];

static inline void
home_make(void)
{
    ASSERT(crypto_init(NULL) == ERR_OK);
    (void)snprintf(test_home, sizeof(test_home), "/tmp/openalb-hsts-XXXXXX");
    ASSERT(mkdtemp(test_home) != NULL);
}

static inline int
home_drop_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void
home_drop(void)
{
    ASSERT(nftw(test_home, home_drop_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

/* HOME/name; owned by the caller. */
static inline char *
home_path(const char *name)
{
    return xprintf("%s/%s", test_home, name);
}

static inline void
home_folders(const char *path)
{
    char part[256];
    ASSERT(str_copy_z(str_of(path), part, sizeof(part)));
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            ASSERT(mkdir(part, 0755) == 0 || errno == EEXIST);
            *p = '/';
        }
    }
}

/* Writes HOME/name, folders included. */
static inline void
home_write(const char *name, struct str bytes, mode_t mode)
{
    AUTO(xfree_ptr) char *path = home_path(name);
    home_folders(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ASSERT(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
    ASSERT(fchmod(fd, mode) == 0 && close(fd) == 0);
}

static inline void
home_link(const char *name, const char *target)
{
    AUTO(xfree_ptr) char *path = home_path(name);
    home_folders(path);
    ASSERT(symlink(target, path) == 0);
}

/* Appends an element of Chromium's "sts". */
static inline void
chromium_entry(struct buf *out, const char *host, bool subdomains, uint64_t expiry_s)
{
    char key[HSTS_CHROMIUM_KEY];
    hsts_chromium_key(str_of(host), key);
    buf_addf(out,
             "{\"expiry\":%llu.503541,\"host\":\"%s\",\"mode\":\"force-https\","
             "\"sts_include_subdomains\":%s,\"sts_observed\":%llu.503544}",
             (unsigned long long)expiry_s, key, subdomains ? "true" : "false",
             (unsigned long long)TEST_NOW_S - 3600);
}

/* Appends a slot of Firefox's. */
static inline void
firefox_slot(struct buf *out, const char *key, const char *value)
{
    unsigned char slot[286] = {0, 0, 0, 1, 20775 >> 8, 20775 & 255};
    ASSERT(strlen(key) <= 256 && strlen(value) <= 24);
    memcpy(slot + 6, key, strlen(key));
    memcpy(slot + 262, value, strlen(value));
    for (size_t i = 2; i < sizeof(slot); i += 2) {
        slot[0] ^= slot[i];
        slot[1] ^= slot[i + 1];
    }
    buf_add(out, slot, sizeof(slot));
}
