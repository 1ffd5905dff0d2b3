/* SPDX-License-Identifier: Apache-2.0
 * `openalb hsts` for a person: what is remembered, what becomes of a URL, what was removed. */
#include "cli/hsts_report.h"

#include <time.h>

#include "base/mem.h"

/* Times behind this one are no promise of anybody: the year 10000. */
static const uint64_t time_end_s = 253402300800;

/* ---- lines ---- */

/* One paragraph under construction. */
struct page {
    struct buf *out;
    const struct term *term;
};

static void
add_lines(const struct page *p, unsigned indent, struct str text)
{
    text_wrap(p->out, text, indent, indent, p->term->width);
}

static void
say(const struct page *p, unsigned indent, const char *msgid, const struct text_arg *args,
    size_t count)
{
    AUTO(buf_free) struct buf line = {0};
    text_fill_as(&line, TEXT_TERMINAL, tr(msgid), args, count);
    add_lines(p, indent, buf_str(&line));
}

static void
say_plain(const struct page *p, unsigned indent, const char *msgid)
{
    add_lines(p, indent, str_of(tr(msgid)));
}

static void
say_styled(const struct page *p, enum style style, const char *msgid, const struct text_arg *args,
           size_t count)
{
    AUTO(buf_free) struct buf line = {0};
    AUTO(buf_free) struct buf styled = {0};
    text_fill_as(&line, TEXT_TERMINAL, tr(msgid), args, count);
    term_add_styled(&styled, p->term, style, buf_str(&line));
    add_lines(p, 0, buf_str(&styled));
}

static void
blank_line(const struct page *p)
{
    buf_add_char(p->out, '\n');
}

/* ---- values ---- */

enum { TIME_TEXT = 64 };

/* Local time with its zone. */
static struct str
time_text(uint64_t time_s, char text[static TIME_TEXT])
{
    time_t t = (time_t)MIN_OF(time_s, time_end_s);
    struct tm tm;
    size_t n = 0;
    if (time_s < time_end_s && localtime_r(&t, &tm) != NULL) {
        n = strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%S %Z", &tm);
    }
    return n > 0 ? (struct str){text, n} : str_of(tr(N_("further notice")));
}

/* Firefox keeps a day, in UTC. */
static struct str
day_text(uint64_t time_s, char text[static TIME_TEXT])
{
    time_t t = (time_t)MIN_OF(time_s, time_end_s);
    struct tm tm;
    size_t n = gmtime_r(&t, &tm) == NULL ? 0 : strftime(text, TIME_TEXT, "%Y-%m-%d", &tm);
    return (struct str){text, n};
}

enum { NUMBER_TEXT = 24 };

static struct str
number_text(uint64_t value, char text[static NUMBER_TEXT])
{
    struct out o = out_of(text, NUMBER_TEXT);
    out_u64(&o, value);
    return str_span(text, o.p);
}

/* ---- stores ---- */

static void
say_store(const struct page *p, const struct hsts_store *s)
{
    AUTO(buf_free) struct buf name = {0};
    AUTO(buf_free) struct buf line = {0};
    term_add_styled(&name, p->term, STYLE_BOLD, str_of(s->browser));
    buf_add_str(&line, buf_str(&name));
    buf_add_z(&line, "  ");
    text_add_safe(&line, str_of(s->file));
    add_lines(p, 2, buf_str(&line));
}

static void
say_lock(const struct page *p, const struct hsts_store *s)
{
    char pid[NUMBER_TEXT], time[TIME_TEXT];
    const struct text_arg args[] = {{"pid", number_text((uint64_t)s->lock.pid, pid)},
                                    {"lock", str_of(s->lock.path)},
                                    {"time", time_text(s->mtime_s, time)}};
    if (!s->lock.held) {
        return;
    }
    if (s->lock.foreign) {
        say(p, 4, N_("The profile is in use by another machine ({lock})."), args, COUNT_OF(args));
    } else {
        say(p, 4, N_("The browser is running (process {pid}, {lock})."), args, COUNT_OF(args));
    }
    if (s->client == HSTS_CHROMIUM && s->mtime_s > 0) {
        say(p, 4,
            N_("It writes the file when it exits; what follows is as of {time}, and the running "
               "browser may know more or less."),
            args, COUNT_OF(args));
    }
}

static void
say_state(const struct page *p, const struct hsts_store *s)
{
    char count[NUMBER_TEXT];
    if (s->state != HSTS_STORE_READ && s->state != HSTS_STORE_ABSENT) {
        say_plain(p, 4, s->what);
    }
    if (s->error != 0) {
        add_lines(p, 4, str_of(strerror(s->error)));
    }
    if (s->damaged > 0) {
        say(p, 4, N_("Damaged entries that were passed over: {count}"),
            TEXT_ARGS({"count", number_text(s->damaged, count)}));
    }
    if (s->https_only) {
        say_plain(p, 4,
                  N_("Its setting \"Always use secure connections\" is on: it changes every http "
                     "URL, whether or not the host is remembered."));
    }
}

/* Is there more to say than "nothing"? */
static bool
is_worth_a_heading(const struct hsts_store *s)
{
    bool plain = s->state == HSTS_STORE_READ || s->state == HSTS_STORE_ABSENT;
    return !plain || s->damaged > 0 || s->https_only || s->lock.held;
}

/* ---- show ---- */

static const char *
scope_text(const struct hsts_entry *e)
{
    if (!e->is_parent) {
        return e->include_subdomains ? N_("{name}, with all names below it")
                                     : N_("{name}, this host alone");
    }
    return e->include_subdomains
               ? N_("{name}, a parent, with all names below it")
               : N_("{name}, a parent, without the names below it: it does not count for {host}");
}

static const char *
span_text(const struct hsts_entry *e, enum hsts_client client)
{
    if (e->observed_s == 0) {
        return N_("until {until}");
    }
    return client == HSTS_FIREFOX ? N_("last used on {day}, until {until}")
                                  : N_("since {since}, until {until}");
}

static const char *
remark_text(const struct hsts_entry *e)
{
    if (e->state == HSTS_ENTRY_KNOCKOUT) {
        return N_(
            "It takes the host off this browser's preload list: the site has sent max-age=0.");
    }
    if (e->state != HSTS_ENTRY_SET) {
        return N_("It is not in force.");
    }
    if (e->expired) {
        return N_("It has expired and does not count any more.");
    }
    if (!e->applies && (!e->is_parent || e->include_subdomains)) {
        return N_("Chromium never changes localhost and names below it.");
    }
    return NULL;
}

static void
say_entry(const struct page *p, const struct hsts_found *f, const struct hsts_entry *e)
{
    char since[TIME_TEXT], day[TIME_TEXT], until[TIME_TEXT], port[NUMBER_TEXT];
    const struct text_arg args[] = {
        {"name", str_of(e->name)},
        {"host", str_of(f->names[0])},
        {"since", time_text(e->observed_s, since)},
        {"day", day_text(e->observed_s, day)},
        {"until", time_text(e->expiry_s, until)},
        {"port", number_text(e->port, port)},
        {"partition", str_of(e->partition)},
    };
    say(p, 4, scope_text(e), args, COUNT_OF(args));
    say(p, 6, span_text(e, f->stores[e->store].client), args, COUNT_OF(args));
    if (e->port != 0) {
        say(p, 6, N_("only for http URLs with port {port}"), args, COUNT_OF(args));
    }
    if (e->partition != NULL) {
        say(p, 6, N_("only inside other sites' pages: {partition}"), args, COUNT_OF(args));
    }
    if (remark_text(e) != NULL) {
        say_plain(p, 6, remark_text(e));
    }
}

static bool
has_entries(const struct hsts_found *f, size_t store)
{
    for (size_t i = 0; i < f->entry_count; i++) {
        if (f->entries[i].store == store) {
            return true;
        }
    }
    return false;
}

static void
show_store(const struct page *p, const struct hsts_found *f, size_t store)
{
    const struct hsts_store *s = &f->stores[store];
    if (!has_entries(f, store) && !is_worth_a_heading(s)) {
        return;
    }
    blank_line(p);
    say_store(p, s);
    say_lock(p, s);
    say_state(p, s);
    for (size_t i = 0; i < f->entry_count; i++) {
        if (f->entries[i].store == store) {
            say_entry(p, f, &f->entries[i]);
        }
    }
}

static void
say_preloaded(const struct page *p, const struct hsts_found *f)
{
    for (size_t i = 0; i < f->preloaded_count; i++) {
        const struct hsts_preloaded *e = &f->preloaded[i];
        const struct text_arg args[] = {{"name", str_of(e->name)}, {"host", str_of(f->names[0])}};
        blank_line(p);
        say(p, 2,
            e->applies ? N_("{name} is on the browsers' preload list: http URLs of {host} become "
                            "https in every browser, and no profile can clear that.")
                       : N_("{name} is on the browsers' preload list, without the names below it: "
                            "it does not count for {host}."),
            args, COUNT_OF(args));
    }
}

/* The files without an entry, in one list. */
static void
say_silent_stores(const struct page *p, const struct hsts_found *f)
{
    bool first = true;
    for (size_t i = 0; i < f->store_count; i++) {
        const struct hsts_store *s = &f->stores[i];
        if (has_entries(f, i) || is_worth_a_heading(s)) {
            continue;
        }
        if (first) {
            blank_line(p);
            say_plain(p, 2, N_("Looked at, without an entry:"));
            first = false;
        }
        say(p, 4,
            s->state == HSTS_STORE_ABSENT ? N_("{browser}  {file} (there is no such file)")
                                          : N_("{browser}  {file}"),
            TEXT_ARGS({"browser", str_of(s->browser)}, {"file", str_of(s->file)}));
    }
}

static void
say_left_out(const struct page *p, const struct hsts_found *f)
{
    char entries[NUMBER_TEXT], profiles[NUMBER_TEXT];
    if (f->entries_left_out + f->profiles_left_out > 0) {
        blank_line(p);
        say(p, 2, N_("Left out for their number: entries {entries}, profiles {profiles}."),
            TEXT_ARGS({"entries", number_text(f->entries_left_out, entries)},
                      {"profiles", number_text(f->profiles_left_out, profiles)}));
    }
}

static void
say_port_rule(const struct page *p, const struct hsts_found *f)
{
    blank_line(p);
    say(p, 2,
        N_("The rule: http://{host} becomes https://{host}; port 80 becomes 443, any other port "
           "stays: http://{host}:8080 becomes https://{host}:8080."),
        TEXT_ARGS({"host", str_of(f->names[0])}));
}

bool
hsts_applies(const struct hsts_found *f)
{
    for (size_t i = 0; i < f->entry_count; i++) {
        if (f->entries[i].applies) {
            return true;
        }
    }
    for (size_t i = 0; i < f->preloaded_count; i++) {
        if (f->preloaded[i].applies) {
            return true;
        }
    }
    return false;
}

static const char *
verdict_text(const struct hsts_found *f)
{
    if (hsts_applies(f)) {
        return N_("{host} is remembered as https only.");
    }
    return f->entry_count + f->preloaded_count > 0
               ? N_("Entries were found, but none of them is in force for {host}.")
               : N_("No client remembers {host}.");
}

void
hsts_show_text(struct buf *out, const struct term *t, const struct hsts_found *f)
{
    const struct page p = {out, t};
    say_styled(&p, STYLE_BOLD, verdict_text(f), TEXT_ARGS({"host", str_of(f->names[0])}));
    for (size_t i = 0; i < f->store_count; i++) {
        show_store(&p, f, i);
    }
    say_preloaded(&p, f);
    if (hsts_applies(f)) {
        say_port_rule(&p, f);
    }
    say_silent_stores(&p, f);
    say_left_out(&p, f);
}

/* ---- explain ---- */

struct hsts_cause
hsts_cause(const struct hsts_found *f, size_t store, uint16_t port)
{
    return (struct hsts_cause){
        .entry = hsts_deciding(f, store, port),
        .preloaded = hsts_deciding_preloaded(f, store),
        .setting = f->stores[store].https_only,
    };
}

bool
hsts_cause_any(const struct hsts_cause *c)
{
    return c->entry != NULL || c->preloaded != NULL || c->setting;
}

static void
say_cause(const struct page *p, const struct hsts_cause *c)
{
    char until[TIME_TEXT];
    if (c->entry != NULL) {
        say(p, 4,
            c->entry->is_parent
                ? N_("because of the parent {name}, remembered with all names below it until "
                     "{until}")
                : N_("because {name} is remembered until {until}"),
            TEXT_ARGS({"name", str_of(c->entry->name)},
                      {"until", time_text(c->entry->expiry_s, until)}));
    }
    if (c->preloaded != NULL) {
        say(p, 4, N_("because {name} is on its preload list, which no profile can clear"),
            TEXT_ARGS({"name", str_of(c->preloaded->name)}));
    }
    if (c->setting) {
        say_plain(p, 4, N_("because its setting \"Always use secure connections\" is on"));
    }
}

static void
explain_store(const struct page *p, const struct hsts_found *f, size_t store, uint16_t port,
              struct str becomes)
{
    struct hsts_cause cause = hsts_cause(f, store, port);
    const struct hsts_store *s = &f->stores[store];
    blank_line(p);
    say_store(p, s);
    if (hsts_cause_any(&cause)) {
        say(p, 4, N_("becomes {url}"), TEXT_ARGS({"url", becomes}));
        say_cause(p, &cause);
    } else {
        say_plain(p, 4, N_("stays as it is"));
    }
    if (!hsts_store_usable(s)) {
        say_plain(p, 4, s->what);
    }
    say_lock(p, s);
}

static bool
has_client(const struct hsts_found *f, enum hsts_client client)
{
    for (size_t i = 0; i < f->store_count; i++) {
        if (f->stores[i].client == client) {
            return true;
        }
    }
    return false;
}

/* Browsers without a profile here still have their preload list. */
static void
explain_others(const struct page *p, const struct hsts_found *f, struct str becomes)
{
    for (size_t i = 0; i < f->preloaded_count; i++) {
        if (f->preloaded[i].applies) {
            blank_line(p);
            say(p, 2,
                N_("Every up-to-date browser, also a fresh one: becomes {url}, because {name} is "
                   "on the preload list."),
                TEXT_ARGS({"url", becomes}, {"name", str_of(f->preloaded[i].name)}));
            break;
        }
    }
    blank_line(p);
    if (!has_client(f, HSTS_CHROMIUM) && !has_client(f, HSTS_FIREFOX)) {
        say_plain(p, 2, N_("No profile of a browser was found."));
    }
    if (!has_client(f, HSTS_CURL)) {
        say_plain(p, 2,
                  N_("curl: stays as it is; it remembers nothing unless --hsts FILE is given."));
    }
    say_plain(p, 2,
              N_("Scripts in Python, Go, Node.js or Java: stays as it is; they do not know HSTS."));
}

static void
explain_meaning(const struct page *p, const struct hsts_url *url)
{
    char port[NUMBER_TEXT];
    const struct text_arg args[] = {{"host", url->host},
                                    {"port", number_text(hsts_port(url->port), port)}};
    blank_line(p);
    say(p, 0,
        N_("HSTS does not break TLS; it only changes http to https before the request. If "
           "https://{host}:{port} itself fails, HSTS is not the cause."),
        args, COUNT_OF(args));
    say(p, 0,
        N_("Making clients forget the host helps only where the typed or linked URL was http:// "
           "and port {port} speaks plain HTTP. Better for all visitors: serve TLS on that port, "
           "or send \"Strict-Transport-Security: max-age=0\" over valid HTTPS on any port of the "
           "host."),
        args, COUNT_OF(args));
}

bool
hsts_changes(const struct hsts_found *f, const struct hsts_url *url)
{
    for (size_t i = 0; i < f->store_count && !url->secure; i++) {
        struct hsts_cause c = hsts_cause(f, i, url->port);
        if (hsts_cause_any(&c)) {
            return true;
        }
    }
    for (size_t i = 0; i < f->preloaded_count && !url->secure; i++) {
        if (f->preloaded[i].applies) {
            return true;
        }
    }
    return false;
}

void
hsts_explain_text(struct buf *out, const struct term *t, const struct hsts_found *f,
                  const struct hsts_url *url, struct str typed)
{
    const struct page p = {out, t};
    AUTO(buf_free) struct buf becomes = {0};
    const struct text_arg args[] = {{"url", typed}};
    if (!hsts_url(url, &becomes)) {
        say_styled(&p, STYLE_BOLD, N_("{url} is https already: HSTS changes nothing about it."),
                   args, COUNT_OF(args));
        explain_meaning(&p, url);
        return;
    }
    say_styled(&p, STYLE_BOLD,
               hsts_changes(f, url) ? N_("{url} is changed before it is sent.")
                                    : N_("{url} is sent as it is."),
               args, COUNT_OF(args));
    for (size_t i = 0; i < f->store_count; i++) {
        explain_store(&p, f, i, url->port, buf_str(&becomes));
    }
    explain_others(&p, f, buf_str(&becomes));
    explain_meaning(&p, url);
}

/* ---- remove ---- */

/* 'x' as a shell takes it; bytes that a terminal must not see as $'\xHH'. */
static void
add_quoted(struct buf *out, const char *path)
{
    AUTO(buf_free) struct buf safe = {0};
    text_add_safe(&safe, str_of(path));
    bool plain = str_eq(buf_str(&safe), str_of(path));
    buf_add_z(out, plain ? "'" : "$'");
    for (const char *c = path; *c != '\0'; c++) {
        if (plain && *c == '\'') {
            buf_add_z(out, "'\\''");
        } else if (plain || ascii_is_alnum(*c) || strchr("/._- ", *c) != NULL) {
            buf_add_char(out, *c);
        } else {
            buf_addf(out, "\\x%02x", (unsigned char)*c);
        }
    }
    buf_add_char(out, '\'');
}

void
hsts_undo_command(struct buf *out, const struct hsts_removal *r)
{
    buf_add_z(out, "cp -p -- ");
    add_quoted(out, r->backup);
    buf_add_char(out, ' ');
    add_quoted(out, r->file);
}

/* Not wrapped: it is there to be copied. */
static void
add_command(const struct page *p, unsigned indent, const struct buf *command)
{
    buf_addf(p->out, "%*s", (int)indent, "");
    buf_add_str(p->out, buf_str(command));
    buf_add_char(p->out, '\n');
}

static void
say_removed(const struct page *p, const struct hsts_step *step, bool dry_run)
{
    char count[NUMBER_TEXT];
    AUTO(buf_free) struct buf undo = {0};
    const struct text_arg args[] = {{"count", number_text(step->removal.count, count)},
                                    {"backup", str_of(step->removal.backup)}};
    if (dry_run) {
        say(p, 4, N_("Would be removed: {count}. Nothing was changed."), args, COUNT_OF(args));
        return;
    }
    say(p, 4, N_("Removed: {count}. The old file is kept as {backup}."), args, COUNT_OF(args));
    say_plain(p, 4, N_("To undo it:"));
    hsts_undo_command(&undo, &step->removal);
    add_command(p, 6, &undo);
}

static void
say_running(const struct page *p, const struct hsts_lock *lock)
{
    char pid[NUMBER_TEXT];
    const struct text_arg args[] = {{"pid", number_text((uint64_t)lock->pid, pid)},
                                    {"lock", str_of(lock->path)}};
    say(p, 4,
        lock->foreign ? N_("Refused: the profile is in use by another machine ({lock}).")
                      : N_("Refused: the browser is running (process {pid}, {lock}). It would "
                           "overwrite the file when it exits. Close it and try again."),
        args, COUNT_OF(args));
}

static void
say_step(const struct page *p, const struct hsts_step *step, bool dry_run)
{
    blank_line(p);
    say_store(p, step->store);
    if (step->error != ERR_OK) {
        add_lines(p, 4, str_of(step->reason.text));
        return;
    }
    switch (step->removal.result) {
    case HSTS_NOT_THERE:
        say_plain(p, 4,
                  step->store->state == HSTS_STORE_READ ? N_("It has no entry of this name.")
                                                        : step->store->what);
        break;
    case HSTS_REMOVED: say_removed(p, step, dry_run); break;
    case HSTS_RUNNING: say_running(p, &step->removal.lock); break;
    case HSTS_CHANGED:
        say_plain(p, 4,
                  N_("Refused: somebody else wrote the file at the same moment. Nothing was "
                     "changed; try again."));
        break;
    }
}

static bool
is_of_step(const struct hsts_steps *steps, const char *file)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (strcmp(steps->items[i].store->file, file) == 0) {
            return true;
        }
    }
    return false;
}

/* The command that removes an entry of this store. */
static void
add_remove_command(struct buf *out, const struct hsts_store *s, const char *name)
{
    static const char *const options[] = {
        [HSTS_CHROMIUM] = "--browser-profile",
        [HSTS_FIREFOX] = "--browser-profile",
        [HSTS_CURL] = "--curl-file",
        [HSTS_WGET] = "--wget-file",
    };
    buf_addf(out, "openalb hsts remove %s %s ", name, options[s->client]);
    add_quoted(out, s->profile != NULL ? s->profile : s->file);
}

static void
say_parent(const struct page *p, const struct hsts_found *f, const struct hsts_entry *e)
{
    AUTO(buf_free) struct buf command = {0};
    const struct hsts_store *s = &f->stores[e->store];
    blank_line(p);
    say(p, 0,
        N_("{host} is still changed by its parent {name}, which is remembered with all names "
           "below it in {file}. Remove that name as well:"),
        TEXT_ARGS({"host", str_of(f->names[0])}, {"name", str_of(e->name)},
                  {"file", str_of(s->file)}));
    add_remove_command(&command, s, e->name);
    add_command(p, 2, &command);
}

/* A parent's entry, or the preload list, goes on changing the name. */
static void
say_what_stays(const struct page *p, const struct hsts_steps *steps)
{
    const struct hsts_found *f = steps->after;
    for (size_t i = 0; i < f->entry_count; i++) {
        const struct hsts_entry *e = &f->entries[i];
        if (e->applies && e->is_parent && is_of_step(steps, f->stores[e->store].file)) {
            say_parent(p, f, e);
        }
    }
    for (size_t i = 0; i < f->preloaded_count; i++) {
        if (f->preloaded[i].applies) {
            blank_line(p);
            say(p, 0,
                N_("{name} is on the browsers' preload list, which cannot be removed here: "
                   "browsers go on changing {host}. Serve TLS on every port that people open."),
                TEXT_ARGS({"host", str_of(f->names[0])}, {"name", str_of(f->preloaded[i].name)}));
        }
    }
}

void
hsts_remove_text(struct buf *out, const struct term *t, const struct hsts_steps *steps)
{
    const struct page p = {out, t};
    say_styled(&p, STYLE_BOLD, N_("Making clients of this user forget {host}"),
               TEXT_ARGS({"host", str_of(steps->after->names[0])}));
    for (size_t i = 0; i < steps->count; i++) {
        say_step(&p, &steps->items[i], steps->dry_run);
    }
    say_what_stays(&p, steps);
    blank_line(&p);
    say_plain(&p, 0,
              N_("This cures one client. All visitors are cured when the site sends "
                 "\"Strict-Transport-Security: max-age=0\" over valid HTTPS for a while."));
}
