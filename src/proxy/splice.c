/* SPDX-License-Identifier: Apache-2.0
 * Large plain bodies go from socket to socket through a pipe, without a copy in user space. Pipes
 * are pooled: a flow holds one from its first spliced byte to its last. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct body_pipe {
    struct list link; /* of worker.pipes while free */
    int from, to;     /* read end, write end */
    size_t held;      /* bytes inside */
};

size_t
splice_pipe_bytes(void)
{
    return sizeof(struct body_pipe);
}

static void
pipe_destroy(struct worker *w, struct body_pipe *p)
{
    ASSERT(list_empty(&p->link));
    close(p->from);
    close(p->to);
    pool_put(&w->pipe_pool, p);
}

static struct body_pipe *
pipe_make(struct worker *w)
{
    int ends[2];
    struct body_pipe *p = pool_get(&w->pipe_pool);
    if (p == NULL) {
        return NULL;
    }
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
        pool_put(&w->pipe_pool, p);
        return NULL;
    }
    *p = (struct body_pipe){.from = ends[0], .to = ends[1]};
    list_init(&p->link);
    (void)fcntl(p->to, F_SETPIPE_SZ, LIMIT_PIPE_BYTES); /* refused: the default size will do */
    return p;
}

static struct body_pipe *
pipe_take(struct worker *w)
{
    struct list *node = list_first(&w->pipes);
    if (node == NULL) {
        return pipe_make(w);
    }
    list_remove(node);
    w->pipe_count--;
    return CONTAINER_OF(node, struct body_pipe, link);
}

void
splice_release(struct worker *w, struct flow *flow)
{
    struct body_pipe *p = flow->pipe;
    flow->pipe = NULL;
    if (p == NULL) {
        return;
    }
    if (p->held > 0 || w->pipe_count >= LIMIT_PIPES_IDLE_MAX) {
        pipe_destroy(w, p); /* what is inside belongs to a body that broke off */
        return;
    }
    list_push_front(&w->pipes, &p->link);
    w->pipe_count++;
}

void
splice_done(struct worker *w)
{
    for (struct list *node = list_first(&w->pipes); node != NULL; node = list_first(&w->pipes)) {
        list_remove(node);
        pipe_destroy(w, CONTAINER_OF(node, struct body_pipe, link));
    }
    w->pipe_count = 0;
}

bool
splice_holds(const struct flow *flow)
{
    return flow->pipe != NULL && flow->pipe->held > 0;
}

bool
splice_begin(struct worker *w, const struct pump_path *path)
{
    struct flow *flow = path->flow;
    if (flow->pipe != NULL) {
        return true;
    }
    bool worth_it = flow->kind == BODY_LENGTH && flow->left >= LIMIT_SPLICE_BYTES_MIN;
    if (!worth_it || path->source->ops != NULL || path->sink->ops != NULL ||
        spill_size(path->source_spill) > 0) {
        return false;
    }
    flow->pipe = pipe_take(w);
    return flow->pipe != NULL; /* without one the bytes are copied */
}

/* Pipe to sink. PUMP_SOURCE: the pipe is empty. */
static enum pump
pipe_empty(struct pump_path *path)
{
    struct body_pipe *p = path->flow->pipe;
    while (p->held > 0) {
        if (!path->sink->can_write) {
            return PUMP_SINK;
        }
        ssize_t n =
            splice(p->from, NULL, path->sink->fd, NULL, p->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n > 0) {
            p->held -= (size_t)n;
            *path->sent_bytes += (size_t)n;
            path->moved = true;
        } else if (n < 0 && errno == EAGAIN) {
            path->sink->can_write = false;
        } else if (n == 0 || errno != EINTR) {
            return PUMP_SINK_FAIL;
        }
    }
    return PUMP_SOURCE;
}

/* Source to pipe. PUMP_BUDGET: something came. */
static enum pump
pipe_fill(struct pump_path *path)
{
    struct flow *flow = path->flow;
    struct body_pipe *p = flow->pipe;
    for (;;) {
        if (!path->source->can_read) {
            return PUMP_SOURCE;
        }
        size_t wanted = flow->left < LIMIT_PIPE_BYTES ? (size_t)flow->left : LIMIT_PIPE_BYTES;
        ssize_t n =
            splice(path->source->fd, NULL, p->to, NULL, wanted, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n > 0) {
            p->held += (size_t)n;
            flow->left -= (size_t)n;
            flow->source_bytes += (size_t)n;
            flow->done = flow->left == 0;
            path->moved = true;
            return PUMP_BUDGET;
        }
        if (n == 0) {
            return PUMP_SOURCE_EOF;
        }
        if (errno == EAGAIN) {
            path->source->can_read = false;
        } else if (errno != EINTR) {
            return PUMP_SOURCE_FAIL;
        }
    }
}

enum pump
splice_pump(struct pump_path *path)
{
    size_t budget = LIMIT_IO_BYTES_PER_TURN;
    for (;;) {
        if (splice_holds(path->flow)) {
            path_last(path, path->flow->pipe->held);
        }
        enum pump pump = pipe_empty(path);
        if (pump != PUMP_SOURCE) {
            path_not_last(path);
            return pump;
        }
        if (path->flow->done) {
            return PUMP_DONE;
        }
        if (budget == 0) {
            return PUMP_BUDGET;
        }
        pump = pipe_fill(path);
        if (pump != PUMP_BUDGET) {
            return pump;
        }
        budget -= MIN_OF(budget, path->flow->pipe->held);
    }
}
