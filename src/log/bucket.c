/* SPDX-License-Identifier: Apache-2.0
 * Directory buckets: their names, and the test object that shows that logs can be delivered. */
#include "log/log.h"

#include "base/addr.h"
#include "log/log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUCKET_NAME_MIN = 3,
    BUCKET_NAME_MAX = 63,
    ACCOUNT_DIGITS = 12,
    BUCKET_MODE = 0755,
    KEY_FOLDER_MODE = 0750,
    TEST_OBJECT_MODE = 0640,
};

#define TEST_OBJECT "ELBAccessLogTestFile"
#define TEST_TEXT "This file shows that access logs can be written to this bucket.\n"

/* ---- names [S3: bucket naming rules] ---- */

static bool
has_reserved_part(struct str name)
{
    static const struct str prefixes[] = {{"xn--", 4}, {"sthree-", 7}, {"amzn-s3-demo-", 13}};
    static const struct str suffixes[] = {
        {"-s3alias", 8}, {"--ol-s3", 7}, {".mrap", 5}, {"--x-s3", 6}, {"--table-s3", 10}};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (str_starts(name, prefixes[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        if (str_ends(name, suffixes[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || ascii_is_digit(c);
}

/* Four groups of digits: "formatted as an IP address", whatever their values. */
static bool
looks_like_ip4(struct str name)
{
    size_t groups = 0;
    struct str piece;
    for (struct str rest = name; str_cut(&rest, '.', &piece); groups++) {
        for (size_t i = 0; i < piece.n; i++) {
            if (!ascii_is_digit(piece.p[i])) {
                return false;
            }
        }
    }
    return groups == 4;
}

bool
log_bucket_name_legal(struct str name)
{
    if (name.n < BUCKET_NAME_MIN || name.n > BUCKET_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (!is_lower_alnum(name.p[i]) && name.p[i] != '.' && name.p[i] != '-') {
            return false;
        }
    }
    return is_lower_alnum(name.p[0]) && is_lower_alnum(name.p[name.n - 1]) &&
           !str_find(name, STR(".."), NULL) && !looks_like_ip4(name) && !has_reserved_part(name);
}

/* ---- the test object ---- */

static enum err
destination_check(const struct log_destination *d, struct str account, struct errinfo *reterr)
{
    uint64_t number;
    if (!log_bucket_name_legal(d->bucket)) {
        return err_set(reterr, ERR_INVALID,
                       "the bucket name \"%.*s\" is not valid: 3 to 63 lower-case letters, digits, "
                       "dots and hyphens, beginning and ending with a letter or digit, not an IP "
                       "address, no reserved prefix or suffix",
                       STR_ARG(d->bucket));
    }
    if (str_starts(d->prefix, STR("/")) || str_ends(d->prefix, STR("/"))) {
        return err_set(reterr, ERR_INVALID,
                       "The value of 'access_logs.s3.prefix' cannot start or end with '/'");
    }
    if (!log_prefix_legal(d->prefix)) {
        return err_set(reterr, ERR_INVALID,
                       "the prefix \"%.*s\" is not valid: up to %d letters, digits, '.', '-', '_' "
                       "and single '/' between at most %d folders, without \"AWSLogs\"",
                       STR_ARG(d->prefix), LOG_PREFIX_MAX, LOG_PREFIX_DEPTH_MAX);
    }
    if (account.n != ACCOUNT_DIGITS || !str_to_u64(account, &number)) {
        return err_set(reterr, ERR_INVALID, "the account \"%.*s\" is not 12 digits",
                       STR_ARG(account));
    }
    return ERR_OK;
}

static bool
bucket_make(int bucket_dirfd, struct str bucket)
{
    char name[BUCKET_NAME_MAX + 1];
    return str_copy_z(bucket, name, sizeof(name)) &&
           (mkdirat(bucket_dirfd, name, BUCKET_MODE) == 0 || errno == EEXIST);
}

static bool
test_object_write(int folder, const char *name)
{
    static const char temporary[] = TEST_OBJECT ".tmp";
    (void)unlinkat(folder, temporary, 0); /* of a process that was killed; usually not there */
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    TEST_OBJECT_MODE);
    if (fd < 0) {
        return false;
    }
    bool good = tree_pwrite(fd, TEST_TEXT, sizeof(TEST_TEXT) - 1, 0);
    good = close(fd) == 0 && good;
    good = good && renameat(folder, temporary, folder, name) == 0;
    if (!good) {
        (void)unlinkat(folder, temporary, 0); /* the failure is told already */
    }
    return good;
}

static bool
test_object_put(int bucket_dirfd, const struct log_destination *d, struct str account)
{
    char path[LOG_PATH_MAX];
    struct out o = out_of(path, sizeof(path));
    out_str(&o, d->bucket);
    if (d->prefix.n > 0) {
        OUT_LIT(&o, "/");
        out_str(&o, d->prefix);
    }
    OUT_LIT(&o, "/AWSLogs/");
    out_str(&o, account);
    OUT_LIT(&o, "/" TEST_OBJECT "\0");
    const char *name;
    int folder = o.full ? -1 : tree_open_parent(bucket_dirfd, path, 1, KEY_FOLDER_MODE, &name);
    if (folder < 0) {
        return false;
    }
    bool good = test_object_write(folder, name);
    (void)close(folder); /* only read */
    return good;
}

enum err
log_bucket_test(int bucket_dirfd, const struct log_destination *destination, struct str account,
                struct errinfo *reterr)
{
    TRY(destination_check(destination, account, reterr));
    if (!bucket_make(bucket_dirfd, destination->bucket) ||
        !test_object_put(bucket_dirfd, destination, account)) {
        return err_set(reterr, ERR_DENIED,
                       "Access Denied for bucket: %.*s. Please check S3bucket permission",
                       STR_ARG(destination->bucket));
    }
    return ERR_OK;
}
