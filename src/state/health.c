/* SPDX-License-Identifier: Apache-2.0
 * Health of targets on the board: one word each, and its texts. */
#include "state/board.h"

#include <stdio.h>

#include "base/assert.h"

static const char *const state_names[HEALTH_STATE_COUNT] = {
#define HEALTH_STATE(name, text) [HEALTH_##name] = (text),
#define HEALTH_REASON(name, text, description)
#include "state/health.def"
#undef HEALTH_STATE
#undef HEALTH_REASON
};

static const struct {
    const char *name;
    const char *description;
} reasons[HEALTH_REASON_COUNT] = {
#define HEALTH_STATE(name, text)
#define HEALTH_REASON(name, text, description) [HEALTH_REASON_##name] = {(text), (description)},
#include "state/health.def"
#undef HEALTH_STATE
#undef HEALTH_REASON
};

const char *
health_state_name(enum health_state s)
{
    ASSERT(s < HEALTH_STATE_COUNT);
    return state_names[s];
}

const char *
health_reason_name(enum health_reason r)
{
    ASSERT(r < HEALTH_REASON_COUNT);
    return reasons[r].name;
}

const char *
health_reason_description(enum health_reason r)
{
    ASSERT(r < HEALTH_REASON_COUNT);
    return reasons[r].description;
}

const char *
health_describe(struct health_now now, char text[static HEALTH_TEXT])
{
    struct str rest = str_of(health_reason_description(now.reason));
    struct out o = out_of(text, HEALTH_TEXT - 1);
    size_t at;
    if (str_find(rest, STR("%u"), &at)) {
        out_str(&o, str_sub(rest, 0, at));
        out_u64(&o, now.code);
        rest = str_sub(rest, at + 2, rest.n);
    }
    out_str(&o, rest);
    *o.p = '\0';
    return text;
}

struct health_now
board_health_get(const struct board_health *h)
{
    uint32_t word = atomic_load_explicit(&h->word, memory_order_relaxed);
    unsigned state = word & 0xff;
    unsigned reason = (word >> 8) & 0xff;
    /* Another process wrote it: out of range is as good as not written. */
    if (state >= HEALTH_STATE_COUNT || reason >= HEALTH_REASON_COUNT) {
        return (struct health_now){HEALTH_UNUSED, HEALTH_REASON_NONE, 0};
    }
    return (struct health_now){(enum health_state)state, (enum health_reason)reason, word >> 16};
}

void
board_health_set(struct board_health *h, struct health_now now, uint64_t wall_us)
{
    ASSERT(now.state < HEALTH_STATE_COUNT);
    ASSERT(now.reason < HEALTH_REASON_COUNT);
    uint32_t word =
        (uint32_t)now.state | (uint32_t)now.reason << 8 | (uint32_t)MIN_OF(now.code, 0xffffu) << 16;
    uint32_t old = atomic_load_explicit(&h->word, memory_order_relaxed);
    if ((old & 0xffff) != (word & 0xffff)) { /* state and reason, not the code */
        atomic_store_explicit(&h->changed_wall_us, wall_us, memory_order_relaxed);
    }
    atomic_store_explicit(&h->word, word, memory_order_release);
}
