/* SPDX-License-Identifier: Apache-2.0
 * What resolv.conf tells the C library, read as the C library reads it [resolv.conf(5)]. */
#include "dns/dns_int.h"

#include "base/assert.h"

enum {
    DNS_PORT = 53,
    NDOTS_DEFAULT = 1,
    NDOTS_MAX = 15,
    TIMEOUT_DEFAULT_S = 5,
    TIMEOUT_MAX_S = 30,
    ATTEMPTS_DEFAULT = 2,
    ATTEMPTS_MAX = 5,
};

static void
nameserver_line(struct dns_system_config *config, struct str rest)
{
    struct str word;
    struct addr addr;
    if (!text_word(&rest, &word) || !addr_parse_scoped(word, DNS_PORT, &addr)) {
        config->bad++;
    } else if (config->server_count == DNS_SERVERS_MAX) {
        config->more_servers++;
    } else {
        config->servers[config->server_count++] = addr;
    }
}

/* The last search (or domain) line counts. */
static void
search_line(struct dns_system_config *config, struct str rest)
{
    struct str word;
    config->search_count = 0;
    while (config->search_count < DNS_SEARCH_MAX && text_word(&rest, &word)) {
        char name[DNS_NAME_TEXT];
        if (str_copy_z(word, name, sizeof(name)) && dns_name_valid(name)) {
            name_copy(config->search[config->search_count++], name);
        } else {
            config->bad++;
        }
    }
}

static void
options_line(struct dns_system_config *config, struct str rest)
{
    const struct {
        struct str prefix;
        unsigned *value;
        unsigned max;
    } options[] = {
        {STR("ndots:"), &config->ndots, NDOTS_MAX},
        {STR("timeout:"), &config->timeout_s, TIMEOUT_MAX_S},
        {STR("attempts:"), &config->attempts, ATTEMPTS_MAX},
    };
    struct str word;
    while (text_word(&rest, &word)) {
        for (size_t i = 0; i < COUNT_OF(options); i++) {
            uint64_t value;
            if (!str_starts(word, options[i].prefix)) {
                continue;
            }
            if (str_to_u64(str_sub(word, options[i].prefix.n, word.n), &value)) {
                *options[i].value = (unsigned)MIN_OF(value, options[i].max);
            } else {
                config->bad++;
            }
        }
    }
}

static const struct {
    struct str word;
    void (*read)(struct dns_system_config *config, struct str rest);
} keywords[] = {
    {{"nameserver", 10}, nameserver_line},
    {{"search", 6}, search_line},
    {{"domain", 6}, search_line},
    {{"options", 7}, options_line},
};

static void
config_line(void *context, struct str line, unsigned number)
{
    (void)number; /* nobody asks */
    struct dns_system_config *config = context;
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        struct str rest = str_sub(line, keywords[i].word.n, line.n);
        if (str_starts(line, keywords[i].word) && rest.n > 0 &&
            (rest.p[0] == ' ' || rest.p[0] == '\t')) {
            keywords[i].read(config, rest);
            return;
        }
    }
}

enum err
dns_system_config_read(const char *path, struct dns_system_config *ret_config,
                       struct errinfo *reterr)
{
    struct dns_system_config config;
    memset(&config, 0, sizeof(config));
    config.ndots = NDOTS_DEFAULT;
    config.timeout_s = TIMEOUT_DEFAULT_S;
    config.attempts = ATTEMPTS_DEFAULT;
    struct text_lines lines = {
        .path = path == NULL ? "/etc/resolv.conf" : path,
        .bytes_max = LIMIT_DNS_CONFIG_BYTES,
        .fn = config_line,
        .context = &config,
    };
    TRY(text_lines_read(&lines, reterr));
    config.missing = lines.missing;
    if (config.server_count == 0) {
        bool ok = addr_parse(STR("127.0.0.1"), DNS_PORT, &config.servers[config.server_count++]);
        ASSERT(ok);
    }
    *ret_config = config;
    return ERR_OK;
}
