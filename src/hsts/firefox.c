/* SPDX-License-Identifier: Apache-2.0
 * Firefox: SiteSecurityServiceState.bin, its older .txt form, and the locks of a profile. */
#include "hsts/hsts_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "text/text.h"

/* One slot of the .bin form; numbers are big-endian. */
enum {
    SLOT_SIZE = 286,
    SLOT_CHECKSUM = 0,
    SLOT_DAY = 4, /* of the last use, since 1970 */
    SLOT_KEY = 6,
    SLOT_KEY_SIZE = 256,
    SLOT_VALUE = 262,
    SLOT_VALUE_SIZE = 24,
    DAY_S = 24 * 3600,
};
_Static_assert(SLOT_VALUE + SLOT_VALUE_SIZE == SLOT_SIZE, "the value ends the slot");

/* ---- keys and values: the same in both forms ---- */

struct key {
    struct str host;
    struct str partition; /* "^partitionKey=...", may be empty */
};

static struct key
split_key(struct str text)
{
    static const struct str suffix = STR(":HSTS");
    size_t at;
    if (str_ends(text, suffix)) {
        text.n -= suffix.n;
    }
    if (!str_find_char(text, '^', &at)) {
        at = text.n;
    }
    return (struct key){str_sub(text, 0, at), str_sub(text, at, text.n)};
}

/* "expiry in ms,state,subdomains[,source]" */
static bool
read_value(struct str text, struct hsts_entry *ret)
{
    static const enum hsts_entry_state states[] = {HSTS_ENTRY_UNSET, HSTS_ENTRY_SET,
                                                   HSTS_ENTRY_KNOCKOUT, HSTS_ENTRY_NEGATIVE};
    struct str piece;
    uint64_t expiry_ms;
    int64_t state, subdomains;
    if (!str_cut(&text, ',', &piece) || !str_to_u64(piece, &expiry_ms) ||
        !str_cut(&text, ',', &piece) || !str_to_int_range(piece, 0, COUNT_OF(states) - 1, &state) ||
        !str_cut(&text, ',', &piece) || !str_to_int_range(piece, 0, 1, &subdomains)) {
        return false;
    }
    ret->expiry_s = expiry_ms / 1000;
    ret->state = states[state];
    ret->include_subdomains = subdomains == 1;
    return true;
}

/* A key and a value of either form. */
static void
read_pair(struct hsts_query *q, size_t store, struct str key_text, struct str value, uint64_t day)
{
    struct hsts_entry made = {.observed_s = day * DAY_S};
    struct key key = split_key(key_text);
    size_t index;
    if (key.host.n == 0 || !read_value(value, &made)) {
        q->found->stores[store].damaged++;
    } else if (hsts_query_finds(q, key.host, &index)) {
        made.partition = key.partition.n > 0 ? xstrdup_str(key.partition) : NULL;
        hsts_query_add(q, store, index, made);
    }
}

/* ---- .bin ---- */

static unsigned
number_at(struct str slot, size_t at)
{
    return (unsigned)(unsigned char)slot.p[at] << 8 | (unsigned char)slot.p[at + 1];
}

static bool
is_empty(struct str slot)
{
    for (size_t i = 0; i < slot.n; i++) {
        if (slot.p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* XOR of all 16-bit words behind the checksum itself. */
static bool
checksum_fits(struct str slot)
{
    unsigned sum = 0;
    for (size_t at = 2; at < SLOT_SIZE; at += 2) {
        sum ^= number_at(slot, at);
    }
    return sum == number_at(slot, SLOT_CHECKSUM);
}

static struct str
padded(struct str slot, size_t at, size_t size)
{
    struct str text = str_sub(slot, at, size);
    size_t end;
    return str_find_char(text, '\0', &end) ? str_sub(text, 0, end) : text;
}

static void
read_slot(struct hsts_query *q, size_t store, struct str slot)
{
    if (is_empty(slot)) {
        return;
    }
    if (slot.n < SLOT_SIZE || !checksum_fits(slot)) {
        q->found->stores[store].damaged++;
        return;
    }
    read_pair(q, store, padded(slot, SLOT_KEY, SLOT_KEY_SIZE),
              padded(slot, SLOT_VALUE, SLOT_VALUE_SIZE), number_at(slot, SLOT_DAY));
}

static enum hsts_store_state
bin_read(struct hsts_query *q, size_t store, struct str bytes)
{
    for (size_t at = 0; at < bytes.n; at += SLOT_SIZE) {
        read_slot(q, store, str_sub(bytes, at, SLOT_SIZE));
    }
    return HSTS_STORE_READ;
}

static bool
slot_is_of(struct str slot, struct str name)
{
    return slot.n == SLOT_SIZE && checksum_fits(slot) &&
           str_ieq(split_key(padded(slot, SLOT_KEY, SLOT_KEY_SIZE)).host, name);
}

/* Every slot of the host becomes zeros, whatever its partition key. */
static enum err
bin_cut(struct str bytes, struct str name, struct buf *out, size_t *ret_count,
        struct errinfo *reterr)
{
    static const char zeros[SLOT_SIZE];
    (void)reterr; /* slots that are not understood stay */
    *ret_count = 0;
    for (size_t at = 0; at < bytes.n; at += SLOT_SIZE) {
        struct str slot = str_sub(bytes, at, SLOT_SIZE);
        bool goes = slot_is_of(slot, name);
        buf_add(out, goes ? zeros : slot.p, slot.n);
        *ret_count += goes;
    }
    return ERR_OK;
}

const struct hsts_format hsts_firefox_bin_format = {bin_read, bin_cut};

/* ---- .txt: key, score, day, value, separated by tabs ---- */

struct row {
    struct str key, score, day, value;
};

static bool
split_row(struct str line, struct row *ret)
{
    struct str *const fields[] = {&ret->key, &ret->score, &ret->day, &ret->value};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (!str_cut(&line, '\t', fields[i])) {
            return false;
        }
    }
    return true;
}

/* Public key pins stand in the same file. */
static bool
is_pin(struct str key)
{
    return str_ends(key, STR(":HPKP"));
}

static void
read_row(struct hsts_query *q, size_t store, struct str line)
{
    struct row row;
    uint64_t day;
    if (line.n == 0) {
        return;
    }
    if (!split_row(line, &row) || !str_to_u64(row.day, &day) || day > UINT16_MAX) {
        q->found->stores[store].damaged++;
    } else if (!is_pin(row.key)) {
        read_pair(q, store, row.key, row.value, day);
    }
}

static enum hsts_store_state
txt_read(struct hsts_query *q, size_t store, struct str bytes)
{
    for (struct str line; str_cut(&bytes, '\n', &line);) {
        read_row(q, store, line);
    }
    return HSTS_STORE_READ;
}

static bool
row_is_of(struct str line, struct str name)
{
    struct row row;
    return split_row(line, &row) && !is_pin(row.key) && str_ieq(split_key(row.key).host, name);
}

static enum err
txt_cut(struct str bytes, struct str name, struct buf *out, size_t *ret_count,
        struct errinfo *reterr)
{
    (void)reterr; /* lines that are not understood stay */
    *ret_count = 0;
    while (bytes.n > 0) {
        size_t end;
        size_t n = str_find_char(bytes, '\n', &end) ? end + 1 : bytes.n;
        struct str line = str_sub(bytes, 0, n);
        bool ended = line.p[n - 1] == '\n';
        if (row_is_of(str_sub(line, 0, ended ? n - 1 : n), name)) {
            *ret_count += 1;
        } else {
            buf_add_str(out, line);
        }
        bytes = str_sub(bytes, n, bytes.n);
    }
    return ERR_OK;
}

const struct hsts_format hsts_firefox_txt_format = {txt_read, txt_cut};

/* ---- locks ---- */

/* `lock`: a symbolic link to "address:+pid", of a system where files cannot be locked. */
static void
look_at_link(const char *path, struct hsts_lock *ret)
{
    char target[256];
    size_t colon;
    ssize_t n = readlink(path, target, sizeof(target));
    if (n < 0) {
        return;
    }
    struct str text = {target, (size_t)n};
    ret->path = xstrdup(path);
    if (!str_rfind_char(text, ':', &colon)) {
        ret->held = true; /* not as we know it: the careful answer */
        return;
    }
    struct str digits = str_sub(text, colon + 1, text.n);
    if (str_starts(digits, STR("+"))) {
        digits = str_sub(digits, 1, digits.n);
    }
    if (!str_to_int_range(digits, 1, INT_MAX, &ret->pid)) {
        ret->held = true;
        return;
    }
    ret->held = kill((pid_t)ret->pid, 0) == 0 || errno == EPERM;
}

/* `.parentlock`: locked by fcntl(2) as long as Firefox runs. False: there is no such file. */
static bool
look_at_file(const char *path, struct hsts_lock *ret)
{
    AUTO(hsts_fd_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0) {
        return false;
    }
    ret->path = xstrdup(path);
    ret->held = lock.l_type != F_UNLCK;
    ret->foreign = ret->held && lock.l_pid <= 0;
    ret->pid = ret->held && lock.l_pid > 0 ? lock.l_pid : 0;
    return true;
}

void
hsts_firefox_lock(const char *profile, struct hsts_lock *ret)
{
    *ret = (struct hsts_lock){.held = false};
    AUTO(xfree_ptr) char *file = xprintf("%s/.parentlock", profile);
    AUTO(xfree_ptr) char *link = xprintf("%s/lock", profile);
    if (!look_at_file(file, ret)) {
        look_at_link(link, ret);
    }
}
