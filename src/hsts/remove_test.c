/* SPDX-License-Identifier: Apache-2.0
 * Forgetting one host: nothing else may change, and nothing while somebody else uses the file. */
#include "hsts/hsts.h"

#include <dirent.h>
#include <limits.h>

#include "base/test.h"
#include "hsts/test_home.h"

enum { LATER = TEST_NOW_S + 1000 };

#define CHROMIUM_FOLDER ".config/chromium/Default"
#define CHROMIUM_FILE CHROMIUM_FOLDER "/TransportSecurity"
#define FIREFOX_FILE ".mozilla/firefox/x/SiteSecurityServiceState.bin"

static struct hsts_found
lookup(const char *name)
{
    struct hsts_found found = {0};
    struct hsts_options o = {.home = test_home, .now_s = TEST_NOW_S};
    CHECK_INT(hsts_lookup(&o, str_of(name), &found, NULL), ERR_OK);
    return found;
}

static void
write_chromium(void)
{
    AUTO(buf_free) struct buf text = {0};
    buf_add_z(&text, "{\"extra\":[1,2],\"sts\":[");
    chromium_entry(&text, "first.example", true, LATER);
    buf_add_char(&text, ',');
    chromium_entry(&text, "app.example.com", false, LATER);
    buf_add_char(&text, ',');
    chromium_entry(&text, "example.com", true, LATER);
    buf_add_z(&text, "],\"version\":2}");
    home_write(CHROMIUM_FILE, buf_str(&text), 0640);
}

static size_t
files_in(const char *folder)
{
    AUTO(xfree_ptr) char *path = home_path(folder);
    DIR *d = opendir(path);
    size_t count = 0;
    while (d != NULL && readdir(d) != NULL) {
        count++;
    }
    (void)closedir(d);
    return count - 2; /* . and .. */
}

static struct buf
content(const char *path)
{
    struct buf text = {0};
    char chunk[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;) {
        buf_add(&text, chunk, (size_t)n);
    }
    CHECK(fd >= 0 && close(fd) == 0);
    return text;
}

static bool
has_entry(const char *name)
{
    struct hsts_found f = lookup(name);
    bool found = f.entry_count > 0 && !f.entries[0].is_parent;
    hsts_found_free(&f);
    return found;
}

/* Removes from the first store. */
static struct hsts_removal
remove_with(const char *name, const struct hsts_remove_options *o, enum err expected)
{
    struct hsts_found f = lookup(name);
    struct hsts_removal r = {.result = HSTS_NOT_THERE};
    struct errinfo error = {""};
    CHECK_INT(hsts_remove(&f.stores[0], str_of(name), o, &r, &error), expected);
    CHECK((error.text[0] == '\0') == (expected == ERR_OK));
    hsts_found_free(&f);
    return r;
}

static const struct hsts_remove_options plain = {.now_s = TEST_NOW_S};

TEST("Chromium: one host goes, the others and the unknown keys stay; the backup is the old file")
{
    home_make();
    write_chromium();
    AUTO(xfree_ptr) char *path = home_path(CHROMIUM_FILE);
    AUTO(buf_free) struct buf before = content(path);
    struct hsts_removal r = remove_with("app.example.com", &plain, ERR_OK);
    CHECK_INT(r.result, HSTS_REMOVED);
    CHECK_INT(r.count, 1);
    CHECK_STR(str_of(r.file), path);
    CHECK(str_ends(str_of(r.backup), STR("/TransportSecurity.openalb-20261118T110640Z")));
    AUTO(buf_free) struct buf backup = content(r.backup);
    CHECK(str_eq(buf_str(&before), buf_str(&backup)));
    AUTO(buf_free) struct buf after = content(path);
    CHECK(str_find(buf_str(&after), STR("\"extra\":[1,2]"), NULL));
    CHECK(str_find(buf_str(&after), STR("1795001000.503541"), NULL));
    CHECK(!has_entry("app.example.com"));
    CHECK(has_entry("example.com"));
    CHECK(has_entry("first.example"));
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
    CHECK(stat(r.backup, &st) == 0 && (st.st_mode & 07777) == 0640);
    CHECK_INT(files_in(CHROMIUM_FOLDER), 2);
    CHECK(rename(r.backup, path) == 0);
    CHECK(has_entry("app.example.com"));
    hsts_removal_free(&r);
    home_drop();
}

TEST("two removals in one second keep two backups")
{
    home_make();
    write_chromium();
    struct hsts_removal first = remove_with("app.example.com", &plain, ERR_OK);
    struct hsts_removal second = remove_with("example.com", &plain, ERR_OK);
    CHECK_INT(second.result, HSTS_REMOVED);
    CHECK(str_ends(str_of(second.backup), STR("Z-2")));
    CHECK_INT(files_in(CHROMIUM_FOLDER), 3);
    hsts_removal_free(&first);
    hsts_removal_free(&second);
    home_drop();
}

TEST("a dry run and a name that is not there change nothing")
{
    home_make();
    write_chromium();
    struct hsts_remove_options dry = {.dry_run = true, .now_s = TEST_NOW_S};
    struct hsts_removal r = remove_with("app.example.com", &dry, ERR_OK);
    CHECK_INT(r.result, HSTS_REMOVED);
    CHECK_INT(r.count, 1);
    CHECK(r.backup == NULL);
    hsts_removal_free(&r);
    CHECK(has_entry("app.example.com"));
    r = remove_with("www.app.example.com", &plain, ERR_OK);
    CHECK_INT(r.result, HSTS_NOT_THERE);
    hsts_removal_free(&r);
    CHECK_INT(files_in(CHROMIUM_FOLDER), 1);
    home_drop();
}

TEST("a running browser is refused, also one that was started meanwhile")
{
    char host[256] = "";
    CHECK(gethostname(host, sizeof(host) - 1) == 0);
    home_make();
    write_chromium();
    AUTO(xfree_ptr) char *target = xprintf("%s-%d", host, (int)getpid());
    home_link(".config/chromium/SingletonLock", target);
    struct hsts_removal r = remove_with("app.example.com", &plain, ERR_OK);
    CHECK_INT(r.result, HSTS_RUNNING);
    CHECK_INT(r.lock.pid, getpid());
    CHECK(str_ends(str_of(r.lock.path), STR("/SingletonLock")));
    hsts_removal_free(&r);
    CHECK(has_entry("app.example.com"));
    CHECK_INT(files_in(CHROMIUM_FOLDER), 1);
    home_drop();
}

static void
start_browser(void *data)
{
    home_link(".config/chromium/SingletonLock", data);
}

TEST("a browser that is started while we write is noticed")
{
    char host[256] = "";
    CHECK(gethostname(host, sizeof(host) - 1) == 0);
    home_make();
    write_chromium();
    AUTO(xfree_ptr) char *target = xprintf("%s-%d", host, (int)getpid());
    struct hsts_remove_options o = {
        .now_s = TEST_NOW_S, .before_rename = start_browser, .data = target};
    struct hsts_removal r = remove_with("app.example.com", &o, ERR_OK);
    CHECK_INT(r.result, HSTS_RUNNING);
    hsts_removal_free(&r);
    CHECK(has_entry("app.example.com"));
    CHECK_INT(files_in(CHROMIUM_FOLDER), 1);
    home_drop();
}

static void
write_again(void *data)
{
    (void)data;
    write_chromium();
}

static void
replace_file(void *data)
{
    (void)data;
    AUTO(xfree_ptr) char *path = home_path(CHROMIUM_FILE);
    AUTO(xfree_ptr) char *other = home_path("other");
    AUTO(buf_free) struct buf text = content(path);
    home_write("other", buf_str(&text), 0640);
    CHECK(rename(other, path) == 0);
}

static void
delete_file(void *data)
{
    (void)data;
    AUTO(xfree_ptr) char *path = home_path(CHROMIUM_FILE);
    CHECK(unlink(path) == 0);
}

TEST("a file that somebody wrote, replaced or deleted meanwhile is left alone")
{
    static void (*const others[])(void *) = {write_again, replace_file, delete_file};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        home_make();
        write_chromium();
        struct hsts_remove_options o = {.now_s = TEST_NOW_S, .before_rename = others[i]};
        struct hsts_removal r = remove_with("app.example.com", &o, ERR_OK);
        CHECK_INT(r.result, HSTS_CHANGED);
        CHECK(r.backup == NULL);
        hsts_removal_free(&r);
        CHECK(has_entry("app.example.com") == (others[i] != delete_file));
        CHECK_INT(files_in(CHROMIUM_FOLDER), others[i] == delete_file ? 0 : 1);
        home_drop();
    }
}

TEST("Firefox: every partition of the host is zeroed, the rest stays byte for byte")
{
    home_make();
    AUTO(buf_free) struct buf bytes = {0};
    firefox_slot(&bytes, "example.com", "1826961576401,1,1");
    firefox_slot(&bytes, "other.example", "1826961576401,1,1");
    firefox_slot(&bytes, "example.com^partitionKey=%28https%2Cx.example%29", "1826961576401,1,1");
    firefox_slot(&bytes, "www.example.com", "1826961576401,1,1");
    buf_add_z(&bytes, "half");
    home_write(FIREFOX_FILE, buf_str(&bytes), 0600);
    struct hsts_removal r = remove_with("example.com", &plain, ERR_OK);
    CHECK_INT(r.result, HSTS_REMOVED);
    CHECK_INT(r.count, 2);
    AUTO(buf_free) struct buf after = content(r.file);
    CHECK_INT(after.n, bytes.n);
    static const char zeros[286];
    CHECK(memcmp(after.p, zeros, 286) == 0 && memcmp(after.p + 572, zeros, 286) == 0);
    CHECK(memcmp(after.p + 286, bytes.p + 286, 286) == 0);
    CHECK(memcmp(after.p + 858, bytes.p + 858, 290) == 0);
    CHECK(!has_entry("example.com"));
    CHECK(has_entry("other.example"));
    hsts_removal_free(&r);
    home_drop();
}

TEST("Firefox's text form: the host's lines go, its key pins stay")
{
    home_make();
    home_write(".mozilla/firefox/x/SiteSecurityServiceState.txt",
               STR("a.example:HSTS\t1\t20775\t1826961576401,1,1\n"
                   "b.example:HSTS\t1\t20775\t1826961576401,1,1\n"
                   "a.example:HPKP\t1\t20775\t1826961576401,1,1,x=\n"
                   "a.example^p=q:HSTS\t1\t20775\t1826961576401,1,1"),
               0600);
    struct hsts_removal r = remove_with("a.example", &plain, ERR_OK);
    CHECK_INT(r.count, 2);
    AUTO(buf_free) struct buf after = content(r.file);
    CHECK_STR(buf_str(&after), "b.example:HSTS\t1\t20775\t1826961576401,1,1\n"
                               "a.example:HPKP\t1\t20775\t1826961576401,1,1,x=\n");
    hsts_removal_free(&r);
    home_drop();
}

TEST("wget's and curl's lines: every port and form of the host goes, comments and nonsense stay")
{
    home_make();
    home_write(
        ".wget-hsts",
        STR("# comment\nexample.com\t0\t1\t1795000000\t1000\nnonsense\n"
            "www.example.com\t0\t0\t1795000000\t1000\nexample.com\t8443\t0\t1795000000\t9\n"),
        0600);
    struct hsts_removal r = remove_with("example.com", &plain, ERR_OK);
    CHECK_INT(r.count, 2);
    AUTO(buf_free) struct buf after = content(r.file);
    CHECK_STR(buf_str(&after), "# comment\nnonsense\nwww.example.com\t0\t0\t1795000000\t1000\n");
    hsts_removal_free(&r);
    AUTO(xfree_ptr) char *path = home_path("curl");
    home_write("curl",
               STR("# c\n.example.com \"unlimited\"\nexample.com. \"20270101 00:00:00\"\n"
                   "x.example.com \"20270101 00:00:00\""),
               0600);
    struct hsts_found f = {0};
    struct hsts_options o = {.home = test_home, .curl_file = path, .now_s = TEST_NOW_S};
    CHECK_INT(hsts_lookup(&o, STR("example.com"), &f, NULL), ERR_OK);
    CHECK_INT(f.stores[0].client, HSTS_CURL);
    CHECK_INT(hsts_remove(&f.stores[0], STR("example.com"), &plain, &r, NULL), ERR_OK);
    CHECK_INT(r.count, 2);
    AUTO(buf_free) struct buf curl = content(path);
    CHECK_STR(buf_str(&curl), "# c\nx.example.com \"20270101 00:00:00\"");
    hsts_removal_free(&r);
    hsts_found_free(&f);
    home_drop();
}

TEST("a link is followed: the file itself is replaced, the link stays")
{
    home_make();
    home_write("dotfiles/wget", STR("example.com\t0\t1\t1795000000\t1000\n"), 0600);
    home_link(".wget-hsts", "dotfiles/wget");
    struct hsts_removal r = remove_with("example.com", &plain, ERR_OK);
    CHECK_INT(r.result, HSTS_REMOVED);
    CHECK(str_ends(str_of(r.file), STR("/dotfiles/wget")));
    AUTO(xfree_ptr) char *path = home_path(".wget-hsts");
    struct stat st;
    CHECK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
    hsts_removal_free(&r);
    home_drop();
}

TEST("a store that could not be read is not touched")
{
    home_make();
    home_write(CHROMIUM_FILE, STR("{\"sts\":["), 0600);
    struct hsts_removal r = remove_with("example.com", &plain, ERR_OK);
    CHECK_INT(r.result, HSTS_NOT_THERE);
    CHECK_INT(files_in(CHROMIUM_FOLDER), 1);
    hsts_removal_free(&r);
    home_drop();
}

TEST_MAIN
