/* SPDX-License-Identifier: Apache-2.0
 * Messages between the supervisor and one role: fixed size, over a SOCK_SEQPACKET pair, with at
 * most one descriptor each. What comes in is checked like a peer's input: length, kind, direction,
 * descriptor, text. Sending never blocks: what the socket does not take waits in a bounded queue.
 */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "base/list.h"

enum channel_kind {
#define MESSAGE(name, sender, descriptor, meaning) CHANNEL_##name,
#include "role/channel_messages.def"
#undef MESSAGE
    CHANNEL_KIND_COUNT
};
const char *channel_kind_name(enum channel_kind kind); /* "LOAD" */

enum channel_side { CHANNEL_SUPERVISOR, CHANNEL_ROLE };

enum { CHANNEL_NAME = 64, CHANNEL_PROTOCOL = 8, CHANNEL_TEXT = 832, CHANNEL_QUEUE_MAX = 16384 };

struct channel_message {
    uint32_t kind; /* enum channel_kind */
    uint32_t index;
    uint64_t value;
    struct addr addr;
    char name[CHANNEL_NAME];
    char protocol[CHANNEL_PROTOCOL];
    char text[CHANNEL_TEXT];
};

struct channel {
    int fd; /* owned */
    enum channel_side side;
    struct list unsent;    /* owned: messages that the socket did not take yet */
    struct list set_aside; /* owned: messages that came while another one was waited for */
    size_t unsent_count;
    bool broken; /* the other side is gone, or sent nonsense */
};

/* A pair of sockets, CLOEXEC and non-blocking. */
enum err channel_pair(int ret_fds[static 2], struct errinfo *reterr) MUST_USE;
void channel_init(struct channel *c, int fd, enum channel_side side); /* takes the descriptor */
void channel_done(struct channel *c);

/* Sends a copy; `fd` stays the caller's, -1 is none. A broken or overfull channel is marked broken.
 */
void channel_send(struct channel *c, const struct channel_message *m, int fd);
/* Shorthand for messages without text. */
void channel_tell(struct channel *c, enum channel_kind kind, uint32_t index, uint64_t value);
/* Sends what waits; true when nothing waits any more. */
bool channel_flush(struct channel *c);
/* Next message: IO_DONE, IO_AGAIN, IO_EOF when the other side is gone, IO_FAIL for nonsense.
 * *ret_fd is the caller's from now on; -1 when there is none. */
enum io channel_receive(struct channel *c, struct channel_message *ret_message, int *ret_fd);
/* Roles only: blocks until a message of kind `a` or `b` comes; all others are set aside for
 * channel_receive(). False when the channel broke. */
bool channel_wait(struct channel *c, enum channel_kind a, enum channel_kind b,
                  struct channel_message *ret_message, int *ret_fd);
