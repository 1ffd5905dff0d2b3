/* SPDX-License-Identifier: Apache-2.0
 * Which files there are: the profiles of the browsers of one user, and the files of curl and wget.
 */
#include "hsts/hsts_int.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

enum base { BASE_HOME, BASE_CONFIG };

static const struct place {
    enum hsts_client client;
    const char *browser;
    enum base base;
    const char *folder;
} places[] = {
#define PLACE(client, browser, base, folder) {HSTS_##client, browser, BASE_##base, folder},
#include "hsts/places.def"
#undef PLACE
};

/* The files of a profile, in the order of preference: the first that exists is the store; the first
 * of a client is named when none does. */
static const struct file {
    enum hsts_client client;
    const char *name;
    const struct hsts_format *format;
} files[] = {
    {HSTS_CHROMIUM, "TransportSecurity", &hsts_chromium_format},
    {HSTS_CHROMIUM, "Network/TransportSecurity", &hsts_chromium_format},
    {HSTS_FIREFOX, "SiteSecurityServiceState.bin", &hsts_firefox_bin_format},
    {HSTS_FIREFOX, "SiteSecurityServiceState.txt", &hsts_firefox_txt_format},
};

/* A folder that holds one of these is a profile of that client. */
static const struct mark {
    enum hsts_client client;
    const char *name;
} marks[] = {
    {HSTS_CHROMIUM, "TransportSecurity"},
    {HSTS_CHROMIUM, "Network/TransportSecurity"},
    {HSTS_CHROMIUM, "Preferences"},
    {HSTS_FIREFOX, "SiteSecurityServiceState.bin"},
    {HSTS_FIREFOX, "SiteSecurityServiceState.txt"},
    {HSTS_FIREFOX, ".parentlock"},
    {HSTS_FIREFOX, "prefs.js"},
};

static bool
exists(const char *folder, const char *name)
{
    struct stat st;
    AUTO(xfree_ptr) char *path = xprintf("%s/%s", folder, name);
    return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool
is_profile(enum hsts_client client, const char *folder)
{
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (marks[i].client == client && exists(folder, marks[i].name)) {
            return true;
        }
    }
    return false;
}

/* ---- one profile ---- */

static bool
is_known(const struct hsts_found *f, const char *profile)
{
    for (size_t i = 0; i < f->store_count; i++) {
        if (f->stores[i].profile != NULL && strcmp(f->stores[i].profile, profile) == 0) {
            return true;
        }
    }
    return false;
}

static void
add_store(struct hsts_found *f, const struct place *place, const char *profile,
          const struct file *file)
{
    *VEC_PUSH(f->stores, f->store_count, f->store_cap) = (struct hsts_store){
        .client = place->client,
        .format = file->format,
        .browser = place->browser,
        .profile = xstrdup(profile),
        .file = xprintf("%s/%s", profile, file->name),
    };
}

/* Two files of one client are two stores: both layouts may be there. */
static void
add_profile(struct hsts_found *f, const struct place *place, const char *profile)
{
    const struct file *first = NULL;
    bool any = false;
    if (is_known(f, profile)) {
        return;
    }
    if (f->store_count >= LIMIT_HSTS_PROFILES_MAX) {
        f->profiles_left_out++;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (files[i].client != place->client) {
            continue;
        }
        first = first == NULL ? &files[i] : first;
        if (exists(profile, files[i].name)) {
            add_store(f, place, profile, &files[i]);
            any = true;
        }
    }
    if (!any) {
        add_store(f, place, profile, first);
    }
}

/* ---- one browser's folder ---- */

/* A folder that is there and cannot be listed. */
static void
add_unreadable(struct hsts_found *f, const struct place *place, const char *folder, int error)
{
    *VEC_PUSH(f->stores, f->store_count, f->store_cap) = (struct hsts_store){
        .client = place->client,
        .browser = place->browser,
        .file = xstrdup(folder),
        .state = HSTS_STORE_UNREADABLE,
        .error = error,
    };
}

static int
not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void
free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++) {
        xfree(names[i]);
    }
    xfree(names);
}

/* The profiles right below the folder, in the order of their names. */
static void
scan_folder(struct hsts_found *f, const struct place *place, const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, not_hidden, alphasort);
    if (count < 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            add_unreadable(f, place, folder, errno);
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        AUTO(xfree_ptr) char *path = xprintf("%s/%s", folder, names[i]->d_name);
        if (is_profile(place->client, path)) {
            add_profile(f, place, path);
        }
    }
    free_names(names, count);
}

/* ---- profiles.ini: Firefox profiles may lie anywhere ---- */

static void
add_ini_profile(struct hsts_found *f, const struct place *place, const char *folder,
                struct str path)
{
    char real[PATH_MAX];
    if (path.n == 0 || path.n >= PATH_MAX || str_find_char(path, '\0', NULL)) {
        return;
    }
    AUTO(xfree_ptr)
    char *full = path.p[0] == '/' ? xstrdup_str(path) : xprintf("%s/%.*s", folder, STR_ARG(path));
    /* "..": the same folder must not be found twice under two names */
    if (realpath(full, real) != NULL && is_profile(place->client, real)) {
        add_profile(f, place, real);
    }
}

static void
scan_ini(struct hsts_found *f, const struct place *place, const char *folder)
{
    AUTO(buf_free) struct buf text = {0};
    AUTO(xfree_ptr) char *path = xprintf("%s/profiles.ini", folder);
    struct stat st;
    int error;
    if (hsts_file_read(path, LIMIT_HSTS_INI_MAX, &text, &st, &error) != HSTS_STORE_READ) {
        return; /* what lies beside it is found without it */
    }
    struct str rest = buf_str(&text);
    for (struct str line; str_cut(&rest, '\n', &line);) {
        line = str_trim(line);
        if (line.n > 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (str_starts(line, STR("Path="))) {
            add_ini_profile(f, place, folder, str_sub(line, 5, line.n));
        }
    }
}

static void
scan_place(struct hsts_found *f, const struct place *place, const char *folder)
{
    char real[PATH_MAX];
    const char *known = realpath(folder, real) == NULL ? folder : real;
    scan_folder(f, place, known);
    if (place->client == HSTS_FIREFOX) {
        scan_ini(f, place, known);
    }
}

/* ---- a folder that the user names ---- */

/* The browser whose usual folder the path lies in; the client's name else. */
static const char *
browser_of(enum hsts_client client, const char *path)
{
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        AUTO(xfree_ptr) char *part = xprintf("/%s/", places[i].folder);
        if (places[i].client == client && strstr(path, part) != NULL) {
            return places[i].browser;
        }
    }
    return client == HSTS_FIREFOX ? "Firefox" : "Chromium";
}

static void
scan_named(struct hsts_found *f, enum hsts_client client, const char *folder)
{
    AUTO(xfree_ptr) char *inside = xprintf("%s/", folder);
    const struct place place = {.client = client, .browser = browser_of(client, inside)};
    if (is_profile(client, folder)) {
        add_profile(f, &place, folder);
        return;
    }
    scan_folder(f, &place, folder);
    if (client == HSTS_FIREFOX) {
        scan_ini(f, &place, folder);
    }
}

static enum err
find_named(const char *folder, struct hsts_found *f, struct errinfo *reterr)
{
    char real[PATH_MAX];
    struct stat st;
    const struct text_arg args[] = {{"folder", str_of(folder)}};
    if (realpath(folder, real) == NULL || stat(real, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return text_err(reterr, ERR_NOT_FOUND, N_("The folder {folder} cannot be opened."), args,
                        COUNT_OF(args));
    }
    scan_named(f, HSTS_CHROMIUM, real);
    if (f->store_count == 0) {
        scan_named(f, HSTS_FIREFOX, real);
    }
    if (f->store_count == 0) {
        return text_err(reterr, ERR_NOT_FOUND,
                        N_("The folder {folder} is not the profile of a browser: neither "
                           "Chromium's \"Preferences\" nor Firefox's \"prefs.js\" is in it or in "
                           "a folder below it."),
                        args, COUNT_OF(args));
    }
    return ERR_OK;
}

/* ---- all of them ---- */

/* owned */
static char *
home_of(const struct hsts_options *o)
{
    const char *home = o->home != NULL ? o->home : getenv("HOME");
    if (home != NULL && home[0] == '/') {
        return xstrdup(home);
    }
    const struct passwd *user = getpwuid(getuid());
    return xstrdup(user == NULL ? "/" : user->pw_dir);
}

/* owned */
static char *
config_home_of(const struct hsts_options *o, const char *home)
{
    const char *config = o->config_home;
    if (config == NULL && o->home == NULL) {
        config = getenv("XDG_CONFIG_HOME");
    }
    bool usable = config != NULL && config[0] == '/'; /* others are to be ignored [XDG] */
    return usable ? xstrdup(config) : xprintf("%s/.config", home);
}

static void
find_all(const struct hsts_options *o, const char *home, struct hsts_found *f)
{
    AUTO(xfree_ptr) char *config = config_home_of(o, home);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        AUTO(xfree_ptr)
        char *folder =
            xprintf("%s/%s", places[i].base == BASE_HOME ? home : config, places[i].folder);
        scan_place(f, &places[i], folder);
    }
}

static void
add_file(struct hsts_found *f, enum hsts_client client, const struct hsts_format *format,
         const char *file)
{
    *VEC_PUSH(f->stores, f->store_count, f->store_cap) = (struct hsts_store){
        .client = client,
        .format = format,
        .browser = hsts_client_name(client),
        .file = xstrdup(file),
    };
}

enum err
hsts_profiles_find(const struct hsts_options *o, struct hsts_found *found, struct errinfo *reterr)
{
    AUTO(xfree_ptr) char *home = home_of(o);
    AUTO(xfree_ptr) char *wget = xprintf("%s/.wget-hsts", home);
    if (o->profile == NULL || strcmp(o->profile, "auto") == 0) {
        find_all(o, home, found);
    } else {
        TRY(find_named(o->profile, found, reterr));
    }
    if (o->curl_file != NULL) {
        add_file(found, HSTS_CURL, &hsts_curl_format, o->curl_file);
    }
    add_file(found, HSTS_WGET, &hsts_wget_format, o->wget_file != NULL ? o->wget_file : wget);
    return ERR_OK;
}
