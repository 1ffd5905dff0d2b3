/* SPDX-License-Identifier: Apache-2.0
 * Clocks and the two date formats of the wire. */
#include "base/clock.h"

#include "base/assert.h"

#include <time.h>

static uint64_t
read_us(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);
    ASSERT(rc == 0);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t
clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

/* Days since 1970 to a civil date, by counting from 0000-03-01 in eras of 400 years. */
struct civil
clock_civil(uint64_t wall_us)
{
    int64_t seconds = (int64_t)(wall_us / 1000000u);
    int64_t days = seconds / 86400;
    int64_t rest = seconds % 86400;
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_shifted = (5 * day_of_year + 2) / 153;
    int64_t month = month_shifted < 10 ? month_shifted + 3 : month_shifted - 9;
    return (struct civil){
        .year = (int)(year_of_era + era * 400 + (month <= 2)),
        .month = (int)month,
        .day = (int)(day_of_year - (153 * month_shifted + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .weekday = (int)((days + 4) % 7),
    };
}

static char *
put_digits(char *p, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + width;
}

void
out_iso8601(struct out *o, uint64_t wall_us, bool ms_only)
{
    struct civil c = clock_civil(wall_us);
    int fraction = (int)(wall_us % 1000000u);
    char text[27];
    char *p = put_digits(text, c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    *p++ = '.';
    p = put_digits(p, ms_only ? fraction / 1000 * 1000 : fraction, 6);
    *p++ = 'Z';
    out_bytes(o, text, (size_t)(p - text));
}

void
out_http_date(struct out *o, uint64_t wall_us)
{
    static const char days[7][3] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][3] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c = clock_civil(wall_us);
    char text[29];
    memcpy(text, days[c.weekday], 3);
    memcpy(text + 3, ", ", 2);
    char *p = put_digits(text + 5, c.day, 2);
    *p++ = ' ';
    memcpy(p, months[c.month - 1], 3);
    p[3] = ' ';
    p = put_digits(p + 4, c.year, 4);
    *p++ = ' ';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    memcpy(p, " GMT", 4);
    out_bytes(o, text, sizeof(text));
}
