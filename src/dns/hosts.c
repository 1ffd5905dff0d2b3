/* SPDX-License-Identifier: Apache-2.0
 * The lines of the hosts file that name a host [hosts(5)]. */
#include "dns/dns_int.h"

#include "base/assert.h"

struct hosts_search {
    struct str name;         /* without a dot at the end */
    struct dns_hosts *hosts; /* borrowed */
};

static void
hosts_line(void *context, struct str line, unsigned number)
{
    struct hosts_search *search = context;
    struct dns_hosts *hosts = search->hosts;
    size_t comment;
    if (str_find_char(line, '#', &comment)) {
        line = str_sub(line, 0, comment);
    }
    struct str word;
    struct addr addr;
    if (!text_word(&line, &word) || !addr_parse_scoped(word, 0, &addr)) {
        return;
    }
    bool named = false;
    while (!named && text_word(&line, &word)) {
        named = str_ieq(word, search->name);
    }
    if (named && hosts->count < DNS_HOSTS_MAX) {
        hosts->lines[hosts->count++] = (struct dns_hosts_line){.addr = addr, .line = number};
    } else if (named) {
        hosts->more++;
    }
}

enum err
dns_hosts_find(const char *path, const char *name, struct dns_hosts *ret_hosts,
               struct errinfo *reterr)
{
    struct dns_hosts hosts;
    memset(&hosts, 0, sizeof(hosts));
    struct hosts_search search = {.name = str_of(name), .hosts = &hosts};
    if (search.name.n > 1 && name[search.name.n - 1] == '.') {
        search.name.n--;
    }
    struct text_lines lines = {
        .path = path == NULL ? "/etc/hosts" : path,
        .bytes_max = LIMIT_DNS_HOSTS_BYTES,
        .fn = hosts_line,
        .context = &search,
    };
    TRY(text_lines_read(&lines, reterr));
    hosts.missing = lines.missing;
    hosts.cut = lines.cut;
    *ret_hosts = hosts;
    return ERR_OK;
}
