/* SPDX-License-Identifier: Apache-2.0
 * Looking a name up in files of browsers, curl and wget that are made here. */
#include "hsts/hsts.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "base/test.h"
#include "hsts/test_home.h"

enum { LATER = TEST_NOW_S + 1000, EARLIER = TEST_NOW_S - 1000 };

#define CHROMIUM_FILE ".config/chromium/Default/TransportSecurity"
#define FIREFOX_FILE ".mozilla/firefox/x.default/SiteSecurityServiceState.bin"

static struct hsts_options
options(void)
{
    return (struct hsts_options){.home = test_home, .now_s = TEST_NOW_S};
}

static struct hsts_found
lookup_with(const struct hsts_options *o, const char *name)
{
    struct hsts_found found = {0};
    struct errinfo error = {""};
    if (hsts_lookup(o, str_of(name), &found, &error) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s: %s", name, error.text);
    }
    return found;
}

static struct hsts_found
lookup(const char *name)
{
    struct hsts_options o = options();
    return lookup_with(&o, name);
}

static const struct hsts_store *
store_of(const struct hsts_found *f, enum hsts_client client)
{
    for (size_t i = 0; i < f->store_count; i++) {
        if (f->stores[i].client == client) {
            return &f->stores[i];
        }
    }
    return NULL;
}

static void
write_chromium(const char *file, const char *host, bool subdomains, uint64_t expiry_s)
{
    AUTO(buf_free) struct buf text = {0};
    buf_add_z(&text, "{\"sts\":[");
    chromium_entry(&text, "another.example", true, LATER);
    buf_add_char(&text, ',');
    chromium_entry(&text, host, subdomains, expiry_s);
    buf_add_z(&text, "],\"version\":2}");
    home_write(file, buf_str(&text), 0600);
}

static void
write_firefox(const char *key, const char *value)
{
    AUTO(buf_free) struct buf bytes = {0};
    firefox_slot(&bytes, "another.example", "1826961576401,1,1");
    firefox_slot(&bytes, key, value);
    home_write(FIREFOX_FILE, buf_str(&bytes), 0600);
}

/* ---- nothing ---- */

TEST("an empty home: only wget's file is named, and it is absent")
{
    home_make();
    struct hsts_found f = lookup("app.example.com");
    CHECK_INT(f.name_count, 3);
    CHECK_STR(str_of(f.names[0]), "app.example.com");
    CHECK_STR(str_of(f.names[1]), "example.com");
    CHECK_STR(str_of(f.names[2]), "com");
    CHECK_INT(f.entry_count, 0);
    CHECK_INT(f.preloaded_count, 0);
    CHECK_INT(f.store_count, 1);
    CHECK_INT(f.stores[0].client, HSTS_WGET);
    CHECK_INT(f.stores[0].state, HSTS_STORE_ABSENT);
    hsts_found_free(&f);
    home_drop();
}

/* ---- Chromium ---- */

TEST("Chromium: an entry of the name itself")
{
    home_make();
    write_chromium(CHROMIUM_FILE, "app.example.com", false, LATER);
    home_write(".config/chromium/Default/Preferences", STR("{\"https_only_mode_enabled\":true}"),
               0600);
    struct hsts_found f = lookup("app.example.com");
    CHECK_INT(f.entry_count, 1);
    if (f.entry_count == 1) {
        const struct hsts_entry *e = &f.entries[0];
        CHECK_STR(str_of(e->name), "app.example.com");
        CHECK(!e->is_parent && !e->include_subdomains && !e->expired && e->applies);
        CHECK_INT(e->expiry_s, LATER);
        CHECK_INT(e->observed_s, TEST_NOW_S - 3600);
        CHECK(hsts_covers(e, 80) && hsts_covers(e, 8080));
        const struct hsts_store *s = &f.stores[e->store];
        CHECK_STR(str_of(s->browser), "Chromium");
        CHECK(str_ends(str_of(s->file), STR("/" CHROMIUM_FILE)));
        CHECK(str_ends(str_of(s->profile), STR("/.config/chromium/Default")));
        CHECK_INT(s->state, HSTS_STORE_READ);
        CHECK(s->mtime_s > 0);
        CHECK(s->https_only);
        CHECK(!s->lock.held);
        CHECK(hsts_deciding(&f, e->store, 8080) == e);
    }
    hsts_found_free(&f);
    home_drop();
}

TEST("a parent counts only with subdomains; a child never does")
{
    home_make();
    write_chromium(CHROMIUM_FILE, "example.com", false, LATER);
    struct hsts_found f = lookup("app.example.com");
    CHECK_INT(f.entry_count, 1);
    CHECK(f.entries[0].is_parent && !f.entries[0].applies);
    CHECK(hsts_deciding(&f, f.entries[0].store, 80) == NULL);
    hsts_found_free(&f);
    write_chromium(CHROMIUM_FILE, "example.com", true, LATER);
    f = lookup("app.example.com");
    CHECK_INT(f.entry_count, 1);
    CHECK(f.entries[0].is_parent && f.entries[0].applies);
    hsts_found_free(&f);
    write_chromium(CHROMIUM_FILE, "app.example.com", true, LATER);
    f = lookup("example.com");
    CHECK_INT(f.entry_count, 0);
    hsts_found_free(&f);
    f = lookup("xapp.example.com");
    CHECK_INT(f.entry_count, 0);
    hsts_found_free(&f);
    home_drop();
}

TEST("what has expired does not apply; localhost is spared by Chromium")
{
    home_make();
    write_chromium(CHROMIUM_FILE, "example.com", false, EARLIER);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.entry_count, 1);
    CHECK(f.entries[0].expired && !f.entries[0].applies);
    hsts_found_free(&f);
    write_chromium(CHROMIUM_FILE, "web.localhost", false, LATER);
    f = lookup("web.localhost");
    CHECK_INT(f.entry_count, 1);
    CHECK(!f.entries[0].applies);
    hsts_found_free(&f);
    home_drop();
}

TEST("Chromium's files in each place, in both layouts, are found")
{
    static const char *const places[] = {
        ".config/google-chrome/Default/TransportSecurity",
        ".config/google-chrome/Profile 1/Network/TransportSecurity",
        ".config/microsoft-edge/Default/TransportSecurity",
        ".config/BraveSoftware/Brave-Browser/Default/TransportSecurity",
        "snap/chromium/common/chromium/Default/TransportSecurity",
        ".var/app/org.chromium.Chromium/config/chromium/Default/TransportSecurity",
    };
    home_make();
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        write_chromium(places[i], "example.com", false, LATER + i);
    }
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.entry_count, COUNT_OF(places));
    for (size_t i = 0; i < f.entry_count; i++) {
        const struct hsts_store *s = &f.stores[f.entries[i].store];
        CHECK(str_ends(str_of(s->file), str_of(places[f.entries[i].expiry_s - LATER])));
    }
    hsts_found_free(&f);
    AUTO(xfree_ptr) char *folder = home_path(".config/google-chrome");
    struct hsts_options o = options();
    o.profile = folder;
    f = lookup_with(&o, "example.com");
    CHECK_INT(f.entry_count, 2);
    CHECK_STR(str_of(f.stores[0].browser), "Google Chrome");
    hsts_found_free(&f);
    AUTO(xfree_ptr) char *profile = home_path(".config/google-chrome/Profile 1/");
    o.profile = profile;
    f = lookup_with(&o, "example.com");
    CHECK_INT(f.entry_count, 1);
    hsts_found_free(&f);
    o.profile = NULL;
    AUTO(xfree_ptr) char *config = home_path("elsewhere");
    o.config_home = config;
    f = lookup_with(&o, "example.com");
    CHECK_INT(f.entry_count, 2); /* snap and flatpak do not follow XDG_CONFIG_HOME */
    hsts_found_free(&f);
    home_drop();
}

TEST("Chromium: what is damaged is counted or named, and never an entry")
{
    static const struct {
        const char *text;
        enum hsts_store_state state;
        size_t damaged;
    } rows[] = {
        {"{\"sts\":[],\"version\":2}", HSTS_STORE_READ, 0},
        {"{\"version\":2}", HSTS_STORE_READ, 0},
        {"{\"sts\":[1,{},{\"host\":\"x\"}],\"version\":2}", HSTS_STORE_READ, 3},
        {"{\"sts\":[],\"version\":1}", HSTS_STORE_VERSION, 0},
        {"{\"sts\":[]}", HSTS_STORE_VERSION, 0},
        {"{\"sts\":{},\"version\":2}", HSTS_STORE_DAMAGED, 0},
        {"[]", HSTS_STORE_DAMAGED, 0},
        {"", HSTS_STORE_DAMAGED, 0},
        {"{\"sts\":[],\"version\":2", HSTS_STORE_DAMAGED, 0},
    };
    home_make();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        home_write(CHROMIUM_FILE, str_of(rows[i].text), 0600);
        struct hsts_found f = lookup("example.com");
        const struct hsts_store *s = store_of(&f, HSTS_CHROMIUM);
        CHECK_INT(s->state, rows[i].state);
        CHECK_INT(s->damaged, rows[i].damaged);
        CHECK_INT(f.entry_count, 0);
        hsts_found_free(&f);
    }
    AUTO(buf_free) struct buf deep = {0};
    for (size_t i = 0; i < 100000; i++) {
        buf_add_char(&deep, '[');
    }
    home_write(CHROMIUM_FILE, buf_str(&deep), 0600);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(store_of(&f, HSTS_CHROMIUM)->state, HSTS_STORE_DAMAGED);
    hsts_found_free(&f);
    home_drop();
}

TEST("Chromium: another mode does not apply")
{
    home_make();
    AUTO(buf_free) struct buf text = {0};
    char key[HSTS_CHROMIUM_KEY];
    hsts_chromium_key(STR("example.com"), key);
    buf_addf(&text,
             "{\"sts\":[{\"host\":\"%s\",\"mode\":\"default\",\"expiry\":1e300}],\"version\":2}",
             key);
    home_write(CHROMIUM_FILE, buf_str(&text), 0600);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.entry_count, 1);
    CHECK_INT(f.entries[0].state, HSTS_ENTRY_UNSET);
    CHECK(!f.entries[0].applies);
    hsts_found_free(&f);
    home_drop();
}

static void
chromium_lock(const char *host, long pid)
{
    AUTO(xfree_ptr) char *path = home_path(".config/chromium/SingletonLock");
    AUTO(xfree_ptr) char *target = xprintf("%s-%ld", host, pid);
    (void)unlink(path); /* of the row before */
    home_link(".config/chromium/SingletonLock", target);
}

static struct hsts_lock
lock_of(enum hsts_client client, struct hsts_found *f)
{
    *f = lookup("example.com");
    return store_of(f, client)->lock;
}

TEST("Chromium's lock: a living process, a dead one, another machine's, nonsense")
{
    char host[256] = "";
    struct hsts_found f;
    CHECK(gethostname(host, sizeof(host) - 1) == 0);
    home_make();
    write_chromium(CHROMIUM_FILE, "example.com", false, LATER);
    chromium_lock(host, getpid());
    struct hsts_lock lock = lock_of(HSTS_CHROMIUM, &f);
    CHECK(lock.held && !lock.foreign);
    CHECK_INT(lock.pid, getpid());
    CHECK(str_ends(str_of(lock.path), STR("/SingletonLock")));
    hsts_found_free(&f);
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    chromium_lock(host, child);
    lock = lock_of(HSTS_CHROMIUM, &f);
    CHECK(!lock.held);
    hsts_found_free(&f);
    chromium_lock("other-machine", child);
    lock = lock_of(HSTS_CHROMIUM, &f);
    CHECK(lock.held && lock.foreign);
    hsts_found_free(&f);
    chromium_lock("nonsense", 0);
    lock = lock_of(HSTS_CHROMIUM, &f);
    CHECK(lock.held);
    hsts_found_free(&f);
    home_drop();
}

/* ---- Firefox ---- */

TEST("Firefox: every partition of the name is an entry")
{
    home_make();
    AUTO(buf_free) struct buf bytes = {0};
    char zeros[286] = {0};
    firefox_slot(&bytes, "app.example.com", "1826961576401,1,1");
    buf_add(&bytes, zeros, sizeof(zeros));
    firefox_slot(&bytes, "app.example.com^partitionKey=%28https%2Cother.example%29",
                 "1826961576402,1,0");
    firefox_slot(&bytes, "xapp.example.com", "1826961576401,1,1");
    home_write(FIREFOX_FILE, buf_str(&bytes), 0600);
    struct hsts_found f = lookup("app.example.com");
    CHECK_INT(f.entry_count, 2);
    if (f.entry_count == 2) {
        CHECK(f.entries[0].include_subdomains && f.entries[0].partition == NULL);
        CHECK_INT(f.entries[0].expiry_s, 1826961576);
        CHECK_INT(f.entries[0].observed_s, 20775 * 86400);
        CHECK_STR(str_of(f.entries[1].partition), "^partitionKey=%28https%2Cother.example%29");
        CHECK(f.entries[1].applies && !f.entries[1].include_subdomains);
    }
    CHECK_INT(store_of(&f, HSTS_FIREFOX)->damaged, 0);
    hsts_found_free(&f);
    home_drop();
}

TEST("Firefox: states, and what is damaged")
{
    static const struct {
        const char *value;
        size_t entries;
        bool applies;
        enum hsts_entry_state state;
    } rows[] = {
        {"1826961576401,1,0", 1, true, HSTS_ENTRY_SET},
        {"1826961576401,0,0", 1, false, HSTS_ENTRY_UNSET},
        {"1826961576401,2,0", 1, false, HSTS_ENTRY_KNOCKOUT},
        {"1826961576401,3,0", 1, false, HSTS_ENTRY_NEGATIVE},
        {"1626961576401,1,0", 1, false, HSTS_ENTRY_SET}, /* expired */
        {"1826961576401,1,0,2", 1, true, HSTS_ENTRY_SET},
        {"1826961576401,4,0", 0, false, HSTS_ENTRY_SET},
        {"1826961576401,1,2", 0, false, HSTS_ENTRY_SET},
        {"1826961576401,1", 0, false, HSTS_ENTRY_SET},
        {"x,1,0", 0, false, HSTS_ENTRY_SET},
        {"", 0, false, HSTS_ENTRY_SET},
    };
    home_make();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_firefox("example.com", rows[i].value);
        struct hsts_found f = lookup("example.com");
        CHECK_INT(f.entry_count, rows[i].entries);
        CHECK_INT(store_of(&f, HSTS_FIREFOX)->damaged, 1 - rows[i].entries);
        if (f.entry_count == 1) {
            CHECK_INT(f.entries[0].state, rows[i].state);
            CHECK(f.entries[0].applies == rows[i].applies);
        }
        hsts_found_free(&f);
    }
    home_drop();
}

TEST("Firefox: a wrong checksum and a half slot are damaged")
{
    home_make();
    AUTO(buf_free) struct buf bytes = {0};
    firefox_slot(&bytes, "example.com", "1826961576401,1,1");
    bytes.p[10] ^= 1;
    firefox_slot(&bytes, "example.com", "1826961576401,1,1");
    firefox_slot(&bytes, "example.com", "1826961576401,1,1");
    home_write(FIREFOX_FILE, str_sub(buf_str(&bytes), 0, bytes.n - 100), 0600);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.entry_count, 1);
    CHECK_INT(store_of(&f, HSTS_FIREFOX)->damaged, 2);
    hsts_found_free(&f);
    home_drop();
}

TEST("Firefox: the old text form, without its key pins")
{
    home_make();
    home_write(".mozilla/firefox/old/SiteSecurityServiceState.txt",
               STR("example.com:HSTS\t3\t20775\t1826961576401,1,1\n"
                   "example.com:HPKP\t3\t20775\t1826961576401,1,1,abc=\n"
                   "example.com^partitionKey=x:HSTS\t0\t20770\t1826961576401,1,0,0\n"
                   "nonsense\n"),
               0600);
    struct hsts_found f = lookup("www.example.com");
    CHECK_INT(f.entry_count, 2);
    CHECK_INT(store_of(&f, HSTS_FIREFOX)->damaged, 1);
    hsts_found_free(&f);
    home_drop();
}

TEST("Firefox: a profile that profiles.ini places elsewhere is found, each only once")
{
    home_make();
    write_firefox("example.com", "1826961576401,1,1");
    AUTO(buf_free) struct buf bytes = {0};
    AUTO(buf_free) struct buf ini = {0};
    firefox_slot(&bytes, "example.com", "1826961576402,1,1");
    home_write("far/away/SiteSecurityServiceState.bin", buf_str(&bytes), 0600);
    buf_addf(&ini,
             "[Profile0]\r\nIsRelative=1\r\nPath=x.default\r\n[Profile1]\nIsRelative=0\n"
             "Path=%s/far/away\n[Profile2]\nPath=../firefox/x.default\nPath=none\nPath=\n",
             test_home);
    home_write(".mozilla/firefox/profiles.ini", buf_str(&ini), 0600);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.entry_count, 2);
    CHECK_INT(f.store_count, 3);
    hsts_found_free(&f);
    home_drop();
}

/* Locks `.parentlock` in a child until the pipe is closed. */
static pid_t
lock_in_child(const char *path, int *ret_release)
{
    int ready[2], release[2];
    ASSERT(pipe(ready) == 0 && pipe(release) == 0);
    pid_t child = fork();
    if (child == 0) {
        char c;
        int fd = open(path, O_RDWR | O_CLOEXEC);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        (void)close(release[1]);
        bool fine = fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "x", 1) == 1;
        _exit(fine && read(release[0], &c, 1) == 0 ? 0 : 1);
    }
    char c;
    CHECK(read(ready[0], &c, 1) == 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    (void)close(release[0]);
    *ret_release = release[1];
    return child;
}

TEST("Firefox's locks: .parentlock decides, the link only where there is none")
{
    struct hsts_found f;
    home_make();
    write_firefox("example.com", "1826961576401,1,1");
    struct hsts_lock lock = lock_of(HSTS_FIREFOX, &f);
    CHECK(!lock.held && lock.path == NULL);
    hsts_found_free(&f);
    AUTO(xfree_ptr) char *alive = xprintf("127.0.1.1:+%d", (int)getpid());
    home_link(".mozilla/firefox/x.default/lock", alive);
    lock = lock_of(HSTS_FIREFOX, &f);
    CHECK(lock.held);
    CHECK_INT(lock.pid, getpid());
    hsts_found_free(&f);
    home_write(".mozilla/firefox/x.default/.parentlock", STR_NONE, 0644);
    lock = lock_of(HSTS_FIREFOX, &f);
    CHECK(!lock.held);
    hsts_found_free(&f);
    AUTO(xfree_ptr) char *path = home_path(".mozilla/firefox/x.default/.parentlock");
    int release, status = -1;
    pid_t child = lock_in_child(path, &release);
    lock = lock_of(HSTS_FIREFOX, &f);
    CHECK(lock.held);
    CHECK_INT(lock.pid, child);
    hsts_found_free(&f);
    CHECK(close(release) == 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    lock = lock_of(HSTS_FIREFOX, &f);
    CHECK(!lock.held);
    hsts_found_free(&f);
    home_drop();
}

/* ---- curl and wget ---- */

TEST("curl's file: names, subdomains, dates, damage")
{
    static const char text[] = "# a comment\n\n"
                               "example.com \"20270101 00:00:00\"\n"
                               ".example.com \"unlimited\"\n"
                               "app.example.com. \"20260101 00:00:00\"\r\n"
                               "example.com 20270101\n"
                               "example.com \"20271301 00:00:00\"\n"
                               "example.com \"2027\"\n"
                               "example.com\n"
                               ". \"unlimited\"\n"
                               "other.example \"20270101 00:00:00\"";
    home_make();
    home_write("hsts.txt", str_of(text), 0600);
    AUTO(xfree_ptr) char *path = home_path("hsts.txt");
    struct hsts_options o = options();
    o.curl_file = path;
    struct hsts_found f = lookup_with(&o, "app.example.com");
    CHECK_INT(store_of(&f, HSTS_CURL)->damaged, 5);
    CHECK_INT(f.entry_count, 3);
    if (f.entry_count == 3) {
        CHECK_STR(str_of(f.entries[0].name), "app.example.com");
        CHECK(f.entries[0].expired && !f.entries[0].applies);
        CHECK_INT(f.entries[0].expiry_s, 1767225600);
        CHECK(f.entries[1].expiry_s == UINT64_MAX && f.entries[1].applies);
        CHECK_INT(f.entries[2].expiry_s, 1798761600);
        CHECK(!f.entries[2].applies);
    }
    hsts_found_free(&f);
    home_drop();
}

TEST("[exp] wget's file: an entry is for one port; 0 and 443 mean http's 80")
{
    static const struct {
        unsigned stored;
        uint16_t port;
        bool covered;
    } rows[] = {{0, 80, true},      {0, 8080, false},  {443, 80, true},     {443, 443, false},
                {8443, 8443, true}, {8443, 80, false}, {8443, 8080, false}, {80, 80, false}};
    home_make();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(buf_free) struct buf text = {0};
        buf_addf(&text, "# comment\nexample.com\t%u\t1\t%d\t31536000\n", rows[i].stored, EARLIER);
        home_write(".wget-hsts", buf_str(&text), 0600);
        struct hsts_found f = lookup("www.example.com");
        CHECK_INT(f.entry_count, 1);
        CHECK(hsts_covers(&f.entries[0], rows[i].port) == rows[i].covered);
        CHECK_INT(f.entries[0].expiry_s, EARLIER + 31536000);
        hsts_found_free(&f);
    }
    home_drop();
}

TEST("wget's file: damage, overflow, and a file that everyone may write")
{
    static const char text[] = "example.com\t0\t0\t1795000000\n"
                               "example.com\t65536\t0\t1795000000\t1\n"
                               "example.com\t0\t2\t1795000000\t1\n"
                               "example.com\t0\t0\t-1\t1\n"
                               "example.com 0 1 18446744073709551615 18446744073709551615\n";
    home_make();
    home_write(".wget-hsts", str_of(text), 0600);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.stores[0].damaged, 4);
    CHECK_INT(f.entry_count, 1);
    CHECK(f.entries[0].expiry_s == UINT64_MAX);
    hsts_found_free(&f);
    home_write(".wget-hsts", str_of(text), 0666);
    f = lookup("example.com");
    CHECK_INT(f.stores[0].state, HSTS_STORE_WORLD_WRITABLE);
    CHECK_INT(f.entry_count, 0);
    hsts_found_free(&f);
    home_drop();
}

/* ---- files that are none ---- */

TEST("a folder, a FIFO and a loop of links instead of a file are named, and do not hold us up")
{
    home_make();
    AUTO(xfree_ptr) char *path = home_path(".wget-hsts");
    CHECK(mkdir(path, 0755) == 0);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.stores[0].state, HSTS_STORE_NOT_REGULAR);
    hsts_found_free(&f);
    CHECK(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
    f = lookup("example.com");
    CHECK_INT(f.stores[0].state, HSTS_STORE_NOT_REGULAR);
    hsts_found_free(&f);
    CHECK(unlink(path) == 0 && symlink(".wget-hsts", path) == 0);
    f = lookup("example.com");
    CHECK_INT(f.stores[0].state, HSTS_STORE_UNREADABLE);
    CHECK_INT(f.stores[0].error, ELOOP);
    hsts_found_free(&f);
    home_drop();
}

TEST("a file over the limit is not read")
{
    home_make();
    home_write(".wget-hsts", STR("x"), 0600);
    AUTO(xfree_ptr) char *path = home_path(".wget-hsts");
    CHECK(truncate(path, (16 << 20) + 1) == 0);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.stores[0].state, HSTS_STORE_TOO_LARGE);
    hsts_found_free(&f);
    home_drop();
}

TEST("more entries than the limit are counted")
{
    home_make();
    AUTO(buf_free) struct buf text = {0};
    for (int i = 0; i < 1030; i++) {
        buf_add_z(&text, "example.com\t0\t0\t1795000000\t1\n");
    }
    home_write(".wget-hsts", buf_str(&text), 0600);
    struct hsts_found f = lookup("example.com");
    CHECK_INT(f.entry_count, 1024);
    CHECK_INT(f.entries_left_out, 6);
    hsts_found_free(&f);
    home_drop();
}

TEST("a folder that is asked for and is no profile is an error")
{
    home_make();
    struct hsts_found f;
    struct errinfo error = {""};
    struct hsts_options o = options();
    o.profile = test_home;
    CHECK_INT(hsts_lookup(&o, STR("example.com"), &f, &error), ERR_NOT_FOUND);
    CHECK(strstr(error.text, test_home) != NULL);
    o.profile = "/nonexistent/folder";
    CHECK_INT(hsts_lookup(&o, STR("example.com"), &f, &error), ERR_NOT_FOUND);
    home_drop();
}

/* ---- preloaded ---- */

static struct hsts_found
lookup_list(const char *list, const char *name, enum err expected)
{
    AUTO(xfree_ptr) char *path = home_path("list.json");
    home_write("list.json", str_of(list), 0600);
    struct hsts_options o = options();
    struct hsts_found f = {0};
    struct errinfo error = {""};
    o.preload_file = path;
    CHECK_INT(hsts_lookup(&o, str_of(name), &f, &error), expected);
    CHECK((error.text[0] == '\0') == (expected == ERR_OK));
    return f;
}

TEST("top-level domains of the built-in table")
{
    home_make();
    write_chromium(CHROMIUM_FILE, "x.example", false, LATER);
    struct hsts_found f = lookup("shop.example.dev");
    CHECK_INT(f.preloaded_count, 1);
    CHECK_STR(str_of(f.preloaded[0].name), "dev");
    CHECK(f.preloaded[0].applies && f.preloaded[0].is_parent && !f.preloaded[0].from_list);
    CHECK(hsts_deciding_preloaded(&f, 0) == &f.preloaded[0]);
    CHECK_INT(f.stores[1].client, HSTS_WGET);
    CHECK(hsts_deciding_preloaded(&f, 1) == NULL);
    hsts_found_free(&f);
    f = lookup("dev.example.com");
    CHECK_INT(f.preloaded_count, 0);
    hsts_found_free(&f);
    home_drop();
}

#define LIST                                                                                       \
    "// A comment with \"entries\": [\n{ \"pinsets\": [ {\"name\": \"example.com\"} ],\n"          \
    "  \"entries\": [ // more\n"                                                                   \
    "    {\"name\": \"example.com\", \"policy\": \"x//y\", \"mode\": \"force-https\"}, // t\n"     \
    "    {\"name\": \"sub.example\", \"mode\": \"force-https\", \"include_subdomains\": true},\n"  \
    "    {\"name\": \"pins.example\", \"include_subdomains\": true, \"pins\": \"google\"},\n"      \
    "    {\"name\": [\"broken.example\"]}\n  ]\n}\n"

TEST("a list in Chromium's form, with comments")
{
    static const struct {
        const char *name;
        size_t count;
        bool applies;
        size_t damaged;
    } rows[] = {
        {"example.com", 1, true, 0},     {"www.example.com", 1, false, 0},
        {"a.b.sub.example", 1, true, 0}, {"pins.example", 0, false, 0},
        {"broken.example", 0, false, 1}, {"absent.example", 0, false, 0},
    };
    home_make();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hsts_found f = lookup_list(LIST, rows[i].name, ERR_OK);
        CHECK_INT(f.preloaded_count, rows[i].count);
        CHECK(f.preloaded_count == 0 || f.preloaded[0].applies == rows[i].applies);
        CHECK(f.preloaded_count == 0 || f.preloaded[0].from_list);
        CHECK_INT(f.preload_damaged, rows[i].damaged);
        hsts_found_free(&f);
    }
    home_drop();
}

TEST("a list that is none is refused")
{
    static const char *const bad[] = {"",
                                      "nonsense",
                                      "{}",
                                      "{\"entries\": [",
                                      "{\"entries\": {}}",
                                      "{\"other\": []}",
                                      "]]]",
                                      "{\"entries\": [ {\"name\": \"x"};
    home_make();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct hsts_found f = lookup_list(bad[i], "example.com", ERR_INVALID);
        CHECK_INT(f.name_count, 0);
    }
    struct hsts_found f;
    struct hsts_options o = options();
    o.preload_file = "/nonexistent/list.json";
    CHECK_INT(hsts_lookup(&o, STR("example.com"), &f, NULL), ERR_NOT_FOUND);
    home_drop();
}

TEST("Firefox's knockout overrides the list, for Firefox alone and this name alone")
{
    home_make();
    write_firefox("example.com", "1826961576401,2,0");
    write_chromium(CHROMIUM_FILE, "x.example", false, LATER);
    struct hsts_found f = lookup_list(LIST, "example.com", ERR_OK);
    for (size_t i = 0; i < f.store_count; i++) {
        bool chromium = f.stores[i].client == HSTS_CHROMIUM;
        CHECK((hsts_deciding_preloaded(&f, i) != NULL) == chromium);
    }
    hsts_found_free(&f);
    home_drop();
}

TEST_MAIN
