/* SPDX-License-Identifier: Apache-2.0
 * Tests of stable ids and slots: their forms, their survival, their ageing, damaged files. */
#include "state/snapshot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "state/file.h"

struct folder {
    char path[64];
    int fd;
};

static struct folder
folder_make(void)
{
    struct folder f = {"/tmp/openalb-ids-XXXXXX", -1};
    CHECK(mkdtemp(f.path) != NULL);
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(f.fd >= 0);
    return f;
}

static void
folder_remove(struct folder *f)
{
    (void)unlinkat(f->fd, "ids.json", 0); /* there or not, depending on the test */
    (void)unlinkat(f->fd, "ids.json.new", 0);
    (void)close(f->fd);
    CHECK_INT(rmdir(f->path), 0);
}

static struct ids *
open_ids(const struct folder *f)
{
    struct errinfo e = {""};
    struct ids *ids = NULL;
    if (ids_open(f->fd, &ids, &e) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s", e.text);
    }
    return ids;
}

static void
store_and_free(struct ids **ids)
{
    struct errinfo e;
    CHECK_INT(ids_store(*ids, &e), ERR_OK);
    ids_free(ids);
    CHECK(*ids == NULL);
}

TEST("ids have the form of their kind and stay")
{
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "R%d", i);
        struct str hex = ids_get(ids, STR("web"), str_of(name), STR("hex16"));
        struct str decimal = ids_get(ids, STR("web"), str_of(name), STR("decimal"));
        struct str uuid = ids_get(ids, STR("web"), str_of(name), STR("uuid"));
        CHECK_INT(hex.n, 16);
        CHECK(decimal.n >= 8 && decimal.n <= 10 && decimal.p[0] != '0');
        CHECK(uuid.n == 36 && uuid.p[8] == '-' && uuid.p[13] == '-' && uuid.p[14] == '4');
        CHECK(strchr("89ab", uuid.p[19]) != NULL);
        CHECK(str_eq(ids_get(ids, STR("web"), str_of(name), STR("hex16")), hex));
        CHECK(ids_get(ids, STR("web"), str_of(name), STR("hex16")).p == hex.p);
        CHECK(!str_eq(ids_get(ids, STR("other"), str_of(name), STR("hex16")), hex));
    }
    ids_free(&ids);
    folder_remove(&f);
}

TEST("ids and slots survive closing and opening again")
{
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    AUTO(xfree_ptr) char *lb = xstrdup_str(ids_get(ids, STR("s"), STR("Lb"), STR("hex16")));
    AUTO(xfree_ptr) char *cert = xstrdup_str(ids_get(ids, STR("s"), STR("Cert"), STR("uuid")));
    uint32_t a = 9;
    uint32_t b = 9;
    CHECK(ids_slot(ids, STR("target:a"), 4, &a));
    CHECK(ids_slot(ids, STR("target:b"), 4, &b));
    CHECK_INT(a, 0);
    CHECK_INT(b, 1);
    store_and_free(&ids);

    struct stat st;
    CHECK_INT(fstatat(f.fd, "ids.json", &st, 0), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    ids = open_ids(&f);
    CHECK_STR(ids_get(ids, STR("s"), STR("Lb"), STR("hex16")), lb);
    CHECK_STR(ids_get(ids, STR("s"), STR("Cert"), STR("uuid")), cert);
    CHECK(ids_slot(ids, STR("target:b"), 4, &b));
    CHECK_INT(b, 1);
    uint32_t c;
    CHECK(ids_slot(ids, STR("target:c"), 4, &c));
    CHECK_INT(c, 2); /* 0 is still a's, though nobody asked for it since */
    ids_free(&ids);
    folder_remove(&f);
}

TEST("nothing is written when nothing changed")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct ids *ids = open_ids(&f);
    CHECK_INT(ids_store(ids, &e), ERR_OK);
    CHECK(faccessat(f.fd, "ids.json", F_OK, 0) != 0);
    (void)ids_get(ids, STR("s"), STR("Lb"), STR("hex16"));
    CHECK_INT(ids_store(ids, &e), ERR_OK);
    CHECK_INT(unlinkat(f.fd, "ids.json", 0), 0);
    (void)ids_get(ids, STR("s"), STR("Lb"), STR("hex16"));
    CHECK_INT(ids_store(ids, &e), ERR_OK);
    CHECK(faccessat(f.fd, "ids.json", F_OK, 0) != 0);
    ids_free(&ids);
    folder_remove(&f);
}

TEST("each space of slots is its own, and ends at its maximum")
{
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    uint32_t slot = 99;
    CHECK(ids_slot(ids, STR("lb:x"), 2, &slot));
    CHECK_INT(slot, 0);
    CHECK(ids_slot(ids, STR("listener:x"), 2, &slot));
    CHECK_INT(slot, 0);
    CHECK(ids_slot(ids, STR("lb:y:z"), 2, &slot));
    CHECK_INT(slot, 1);
    slot = 99;
    CHECK(!ids_slot(ids, STR("lb:full"), 2, &slot));
    CHECK_INT(slot, 99);
    CHECK(ids_slot(ids, STR("lb:x"), 2, &slot)); /* who has one keeps it */
    CHECK(!ids_slot(ids, STR("lb:y:z"), 1, &slot));
    ids_free(&ids);
    folder_remove(&f);
}

/* One build that asks for these keys only and is published. */
static void
publish(struct ids *ids, const char *const *keys, size_t count)
{
    uint32_t slot;
    ids_begin(ids);
    for (size_t i = 0; i < count; i++) {
        CHECK(ids_slot(ids, str_of(keys[i]), 8, &slot));
    }
    ids_release_unused(ids);
}

TEST("a slot given up is free after two more published builds, not before")
{
    static const char *const both[] = {"target:old", "target:stays"};
    static const char *const one[] = {"target:stays"};
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    uint32_t slot;
    publish(ids, both, 2);
    publish(ids, one, 1); /* given up here */
    CHECK(ids_slot(ids, STR("target:new1"), 8, &slot));
    CHECK_INT(slot, 2);
    static const char *const two[] = {"target:stays", "target:new1"};
    publish(ids, two, 2);
    CHECK(ids_slot(ids, STR("target:new2"), 8, &slot));
    CHECK_INT(slot, 3);
    store_and_free(&ids); /* the age survives, too */
    ids = open_ids(&f);
    static const char *const three[] = {"target:stays", "target:new1", "target:new2"};
    publish(ids, three, 3);
    CHECK(ids_slot(ids, STR("target:new3"), 8, &slot));
    CHECK_INT(slot, 0);
    ids_free(&ids);
    folder_remove(&f);
}

TEST("a key that comes back in time has its slot again")
{
    static const char *const key[] = {"target:old"};
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    uint32_t slot;
    publish(ids, key, 1);
    publish(ids, NULL, 0);
    publish(ids, NULL, 0);
    CHECK(ids_slot(ids, STR("target:old"), 8, &slot));
    CHECK_INT(slot, 0);
    publish(ids, key, 1);
    publish(ids, NULL, 0); /* counts from the beginning again */
    publish(ids, NULL, 0);
    CHECK(ids_slot(ids, STR("target:other"), 8, &slot));
    CHECK_INT(slot, 1);
    ids_free(&ids);
    folder_remove(&f);
}

TEST("a build that failed gives nothing up")
{
    static const char *const key[] = {"target:a"};
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    uint32_t slot;
    publish(ids, key, 1);
    for (int i = 0; i < 5; i++) {
        ids_begin(ids); /* never published */
    }
    CHECK(ids_slot(ids, STR("target:b"), 8, &slot));
    CHECK_INT(slot, 1);
    ids_free(&ids);
    folder_remove(&f);
}

TEST("four thousand targets have four thousand different slots")
{
    struct folder f = folder_make();
    struct ids *ids = open_ids(&f);
    static bool seen[LIMIT_TARGETS_MAX];
    char key[64];
    uint32_t slot = 0;
    for (unsigned i = 0; i < LIMIT_TARGETS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "target:g:%u", i);
        CHECK(ids_slot(ids, str_of(key), LIMIT_TARGETS_MAX, &slot));
        CHECK(!seen[slot]);
        seen[slot] = true;
    }
    CHECK(!ids_slot(ids, STR("target:one more"), LIMIT_TARGETS_MAX, &slot));
    store_and_free(&ids);
    ids = open_ids(&f);
    CHECK(!ids_slot(ids, STR("target:one more"), LIMIT_TARGETS_MAX, &slot));
    CHECK(ids_slot(ids, str_of(key), LIMIT_TARGETS_MAX, &slot));
    CHECK_INT(slot, LIMIT_TARGETS_MAX - 1);
    ids_free(&ids);
    folder_remove(&f);
}

#define ID "{\"stack\":\"s\",\"logical_id\":\"L\",\"kind\":\"hex16\",\"id\":\"0123456789abcdef\"}"
static const struct {
    const char *text;
    const char *message; /* a part of it */
} damaged[] = {
    {"", "not JSON"},
    {"{\"format\": 1, \"ids\": [", "not JSON: line 1"},
    {"\xff\xfe", "not JSON"},
    {"[]", "the document is not an object"},
    {"{}", "format: is missing"},
    {"{\"format\": 0}", "format: 0 is not a format number"},
    {"{\"format\": 2}", "format 2 is newer"},
    {"{\"format\": 1, \"format\": 1}", "not JSON"},
    {"{\"format\": 1, \"slots\": []}", "ids: is missing"},
    {"{\"format\": 1, \"ids\": []}", "slots: is missing"},
    {"{\"format\": 1, \"ids\": {}, \"slots\": []}", "ids: is not a list"},
    {"{\"format\": 1, \"ids\": [1], \"slots\": []}", "ids[0]: is not an object"},
    {"{\"format\": 1, \"ids\": [" ID "," ID "], \"slots\": []}", "ids[1]: 'L' of stack 's' has"},
    {"{\"format\": 1, \"ids\": [{\"stack\":\"s\",\"logical_id\":\"L\",\"kind\":\"hex16\","
     "\"id\":\"../../x\"}], \"slots\": []}",
     "ids[0]: '../../x' is not an id of the kind hex16"},
    {"{\"format\": 1, \"ids\": [{\"stack\":\"s\",\"logical_id\":\"L\",\"kind\":\"uuid\","
     "\"id\":\"00000000-0000-4000-8000-00000000000\"}], \"slots\": []}",
     "is not an id of the kind uuid"},
    {"{\"format\": 1, \"ids\": [{\"stack\":\"s\",\"logical_id\":\"L\",\"kind\":\"decimal\","
     "\"id\":\"01234567\"}], \"slots\": []}",
     "is not an id of the kind decimal"},
    {"{\"format\": 1, \"ids\": [{\"stack\":\"s\",\"logical_id\":\"L\",\"kind\":\"odd\","
     "\"id\":\"1\"}], \"slots\": []}",
     "ids[0]: 'odd' is no kind of id"},
    {"{\"format\": 1, \"ids\": [{\"stack\":\"s\\u0000\"}], \"slots\": []}",
     "ids[0].stack: holds a NUL"},
    {"{\"format\": 1, \"ids\": [], \"slots\": [{\"key\":\"t:a\",\"slot\":-1,\"age\":0}]}",
     "slots[0].slot: -1 is not a slot"},
    {"{\"format\": 1, \"ids\": [], \"slots\": [{\"key\":\"t:a\",\"slot\":65536,\"age\":0}]}",
     "slots[0].slot: 65536 is not a slot"},
    {"{\"format\": 1, \"ids\": [], \"slots\": [{\"key\":\"t:a\",\"slot\":1.5,\"age\":0}]}",
     "slots[0].slot: is not a whole number"},
    {"{\"format\": 1, \"ids\": [], \"slots\": [{\"key\":\"t:a\",\"slot\":1,\"age\":3}]}",
     "slots[0].age: 3 is not an age"},
    {"{\"format\": 1, \"ids\": [], \"slots\": [{\"key\":\"t:a\",\"slot\":1,\"age\":0},"
     "{\"key\":\"t:b\",\"slot\":1,\"age\":0}]}",
     "slots[1]: slot 1 of 't:b' is taken already"},
    {"{\"format\": 1, \"ids\": [], \"slots\": [{\"key\":\"t:a\",\"slot\":1,\"age\":0},"
     "{\"key\":\"t:a\",\"slot\":2,\"age\":0}]}",
     "slots[1]: 't:a' has a second slot"},
};

TEST("a damaged file is refused with its place, and left as it is")
{
    struct folder f = folder_make();
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        struct errinfo e = {""};
        struct ids *ids = NULL;
        CHECK_INT(file_store(f.fd, "ids.json", str_of(damaged[i].text), 0600, &e), ERR_OK);
        CHECK(ids_open(f.fd, &ids, &e) != ERR_OK);
        CHECK(ids == NULL);
        if (!str_find(str_of(e.text), str_of(damaged[i].message), NULL) ||
            !str_find(str_of(e.text), STR("put a good copy back"), NULL)) {
            test_failed(__FILE__, __LINE__, "row %zu: \"%s\"", i, e.text);
        }
        AUTO(buf_free) struct buf left = {0};
        CHECK_INT(file_load(f.fd, "ids.json", 1024, &left, &e), ERR_OK);
        CHECK_STR(buf_str(&left), damaged[i].text);
    }
    folder_remove(&f);
}

TEST("an ids.json.new left by a crash is ignored")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct ids *ids = open_ids(&f);
    AUTO(xfree_ptr) char *id = xstrdup_str(ids_get(ids, STR("s"), STR("L"), STR("hex16")));
    store_and_free(&ids);
    int fd = openat(f.fd, "ids.json.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(write(fd, "{\"form", 6), 6);
    CHECK_INT(close(fd), 0);
    ids = open_ids(&f);
    CHECK_STR(ids_get(ids, STR("s"), STR("L"), STR("hex16")), id);
    (void)ids_get(ids, STR("s"), STR("M"), STR("hex16"));
    CHECK_INT(ids_store(ids, &e), ERR_OK);
    CHECK(faccessat(f.fd, "ids.json.new", F_OK, 0) != 0);
    ids_free(&ids);
    folder_remove(&f);
}

TEST("a folder that cannot be written is an error, and the change is not forgotten")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct ids *ids = open_ids(&f);
    (void)ids_get(ids, STR("s"), STR("L"), STR("hex16"));
    CHECK_INT(mkdirat(f.fd, "ids.json.new", 0700), 0); /* in the way, for root as well */
    CHECK_INT(ids_store(ids, &e), ERR_SYSTEM);
    CHECK(faccessat(f.fd, "ids.json", F_OK, 0) != 0);
    CHECK_INT(unlinkat(f.fd, "ids.json.new", AT_REMOVEDIR), 0);
    CHECK_INT(ids_store(ids, &e), ERR_OK);
    CHECK_INT(faccessat(f.fd, "ids.json", F_OK, 0), 0);
    ids_free(&ids);
    folder_remove(&f);
}

TEST("a FIFO or a link under the file's name does not hold us up")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct ids *ids = NULL;
    CHECK_INT(mkfifoat(f.fd, "ids.json", 0600), 0);
    CHECK_INT(ids_open(f.fd, &ids, &e), ERR_INVALID);
    CHECK_INT(unlinkat(f.fd, "ids.json", 0), 0);
    CHECK_INT(symlinkat("/dev/zero", f.fd, "ids.json"), 0);
    CHECK_INT(ids_open(f.fd, &ids, &e), ERR_SYSTEM);
    CHECK(ids == NULL);
    folder_remove(&f);
}

TEST_MAIN
