/* SPDX-License-Identifier: Apache-2.0
 * The way of a request as a drawing: client, DNS, load balancer, target; what is broken in red. It
 * is drawn twice, lying for wide pages and standing for telephones; the style sheet chooses.
 *
 * Between DNS and the load balancer each layer is a knot of the line. Where the name leads to
 * another machine than the load balancer, that machine stands on the way, and the load balancer
 * beside it, with what was seen when it was asked directly. */
#include <stdio.h>

#include "base/mem.h"
#include "doctor/html_int.h"

enum {
    KNOTS_MAX = 5,
    SUB_COLUMNS = 20, /* of the second line in a box */
    BOX_W = 148,
    BOX_H = 62,
    WIDE_W = 1000,
    TALL_W = 340,
};

struct spot {
    int x, y;
};

struct box {
    struct buf title; /* owned, plain */
    struct buf sub;   /* owned, plain; "" none */
    enum mark mark;
    const char *cross; /* id of the finding that breaks it; NULL: whole */
};

struct line {
    enum mark mark;
    const char *cross; /* as above */
};

struct knot {
    enum layer layer;
    enum mark mark;
    const char *cross;
};

/* What is drawn, before it has a place. */
struct path {
    struct box client, dns, stray, lb, target;
    struct line asked, led, reached, forwarded; /* client-DNS, DNS-stray, DNS-lb, lb-target */
    struct knot knots[KNOTS_MAX];
    size_t knot_count;
    bool has_stray;
};

/* ---- from facts to parts ---- */

static bool
any_equal(const struct addr *a, size_t a_count, const struct addr *b, size_t b_count)
{
    for (size_t i = 0; i < a_count; i++) {
        for (size_t k = 0; k < b_count; k++) {
            if (addr_eq(&a[i], &b[k])) {
                return true;
            }
        }
    }
    return false;
}

static void
add_first_addr(struct buf *out, const struct addr *addrs, size_t count)
{
    char text[ADDR_TEXT];
    if (count > 0) {
        buf_add_z(out, addr_text(&addrs[0], text));
    }
    if (count > 1) {
        buf_addf(out, " +%zu", count - 1);
    }
}

/* Did any resolver, or --resolve, say anything? */
static bool
dns_answered(const struct facts *f)
{
    static const enum probe probes[] = {PROBE_D1, PROBE_D2A, PROBE_D2Q};
    struct addr any;
    if (facts_site_addrs(f, &any, 1) > 0) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        for (const struct result *r = NULL; (r = facts_next(f, r, probes[i], SIDE_NONE)) != NULL;) {
            if (r->outcome == OUTCOME_OK || r->dns != NULL) {
                return true;
            }
        }
    }
    return false;
}

/* An answer that the load balancer passed on shows that a target works. */
static bool
passed_on(const struct result *r)
{
    const struct http_seen *h = r == NULL ? NULL : r->http;
    return h != NULL && h->has_status && h->status < 500 && h->author != AUTHOR_LB &&
           h->author != AUTHOR_OURS && (r->side == SIDE_LB || http_seen_through_lb(h));
}

static bool
target_answered(const struct report *r)
{
    return passed_on(r->findings->answer) || passed_on(facts_find(r->facts, PROBE_R4, SIDE_LB));
}

static void
fill_boxes(const struct page *p, struct path *path)
{
    const struct facts *f = p->r->facts;
    struct addr site[QUESTION_ADDRS_MAX], lb[QUESTION_ADDRS_MAX];
    char text[ADDR_TEXT];
    size_t sites = facts_site_addrs(f, site, COUNT_OF(site));
    size_t lbs = facts_lb_addrs(f, lb, COUNT_OF(lb));
    path->has_stray = sites > 0 && lbs > 0 && !any_equal(site, sites, lb, lbs);
    const struct result *answer = p->r->findings->answer;
    bool known = lbs > 0 || facts_lb_name(f)[0] != '\0' ||
                 (answer != NULL && answer->http != NULL && http_seen_through_lb(answer->http));
    buf_add_z(&path->client.title, tr(N_("client")));
    buf_add_z(&path->client.sub, f->local.proxy);
    buf_add_z(&path->dns.title, tr(N_("DNS")));
    buf_add_z(&path->dns.sub, f->question.host_shown);
    buf_add_z(&path->stray.title, tr(N_("another machine")));
    add_first_addr(&path->stray.sub, site, sites);
    buf_add_z(&path->lb.title, known ? tr(N_("load balancer")) : tr(N_("web server")));
    add_first_addr(&path->lb.sub, path->has_stray ? lb : site, path->has_stray ? lbs : sites);
    buf_add_z(&path->target.title, tr(N_("target")));
    if (f->question.target.sa.sa_family != 0) {
        buf_add_z(&path->target.sub, addr_port_text(&f->question.target, text));
    }
}

static enum mark
layer_mark(const struct page *p, enum layer l)
{
    return mark_of_layer(p->r->findings->layers[l]);
}

/* The worst of what the line's knots show; unknown as soon as one below a good one is. */
static enum mark
knots_mark(const struct path *path)
{
    enum mark worst = path->knot_count > 0 ? path->knots[0].mark : MARK_UNKNOWN;
    for (size_t i = 0; i < path->knot_count; i++) {
        if (path->knots[i].mark == MARK_BAD) {
            return MARK_BAD;
        }
        worst = path->knots[i].mark == MARK_WARN ? MARK_WARN : worst;
    }
    return worst;
}

static void
fill_knots(const struct page *p, struct path *path)
{
    static const enum layer layers[] = {LAYER_TCP, LAYER_TLS, LAYER_CERTIFICATE, LAYER_HTTP,
                                        LAYER_REDIRECT};
    bool plain = p->r->facts->question.scheme == SCHEME_HTTP;
    for (size_t i = 0; i < COUNT_OF(layers); i++) {
        if (!plain || (layers[i] != LAYER_TLS && layers[i] != LAYER_CERTIFICATE)) {
            path->knots[path->knot_count++] =
                (struct knot){.layer = layers[i], .mark = layer_mark(p, layers[i])};
        }
    }
}

static void
fill_marks(const struct page *p, struct path *path)
{
    enum mark dns = p->r->facts->question.host_is_address ? MARK_GOOD : layer_mark(p, LAYER_DNS);
    path->client.mark = layer_mark(p, LAYER_CLIENT);
    if (path->client.mark == MARK_UNKNOWN) {
        path->client.mark = MARK_GOOD; /* it runs this program */
    }
    path->dns.mark = dns;
    path->asked.mark = dns == MARK_BAD && dns_answered(p->r->facts) ? MARK_GOOD : dns;
    path->stray.mark = path->led.mark =
        path->has_stray && dns == MARK_BAD ? MARK_BAD : MARK_UNKNOWN;
    path->reached.mark = knots_mark(path);
    path->lb.mark = path->reached.mark == MARK_BAD ? MARK_UNKNOWN : path->reached.mark;
    for (size_t i = 0; i < path->knot_count; i++) {
        bool spoke = path->knots[i].layer == LAYER_HTTP && path->knots[i].mark != MARK_UNKNOWN;
        path->lb.mark = spoke && path->lb.mark == MARK_UNKNOWN ? MARK_GOOD : path->lb.mark;
    }
    path->forwarded.mark = layer_mark(p, LAYER_TARGET);
    if (path->forwarded.mark == MARK_UNKNOWN && target_answered(p->r)) {
        path->forwarded.mark = MARK_GOOD;
    }
    path->target.mark = path->forwarded.mark;
}

/* Puts the verdict's id where its layer is drawn. */
static void
fill_cross(const struct page *p, struct path *path)
{
    const struct finding *first = findings_first(p->r->findings);
    if (first == NULL || first->severity != SEVERITY_FAULT) {
        return;
    }
    const char *id = finding_row(first->id)->id;
    for (size_t i = 0; i < path->knot_count; i++) {
        if (path->knots[i].layer == first->layer) {
            path->knots[i].cross = id;
            path->knots[i].mark = MARK_BAD;
        }
    }
    if (first->layer == LAYER_CLIENT) {
        path->client.cross = id;
        path->client.mark = MARK_BAD;
    } else if (first->layer == LAYER_TARGET) {
        path->forwarded.cross = id;
        path->forwarded.mark = MARK_BAD;
    } else if (first->layer == LAYER_DNS && path->has_stray) {
        path->led.cross = id;
    } else if (first->layer == LAYER_DNS && path->asked.mark == MARK_BAD) {
        path->asked.cross = id;
    } else if (first->layer == LAYER_DNS) {
        path->dns.cross = id;
    }
}

static void
box_done(struct box *b)
{
    buf_free(&b->title);
    buf_free(&b->sub);
}

static void
path_done(struct path *path)
{
    struct box *const boxes[] = {&path->client, &path->dns, &path->stray, &path->lb, &path->target};
    for (size_t i = 0; i < COUNT_OF(boxes); i++) {
        box_done(boxes[i]);
    }
}

/* ---- pencils ---- */

/* A round mark: tick, cross, dash or bang; the words beside it say the same. */
static void
draw_mark(const struct page *p, struct spot at, int radius, enum mark m)
{
    static const char *const signs[] = {"M-4 0H4", "M-4.5 .5-1.5 3.5 4.5-3",
                                        "M-3.5-3.5 3.5 3.5M3.5-3.5-3.5 3.5", "M0-5V1.5M0 4V4.6"};
    page_addf(p,
              "<g class=\"knot %s\" transform=\"translate(%d %d)\"><circle r=\"%d\"/><path "
              "d=\"%s\"/></g>\n",
              mark_class(m), at.x, at.y, radius, signs[m]);
}

static void
draw_words(const struct page *p, struct spot at, const char *class, struct str plain)
{
    page_addf(p, "<text x=\"%d\" y=\"%d\" class=\"%s\">", at.x, at.y, class);
    page_text(p, plain);
    page_markup(p, "</text>\n");
}

static void
draw_box(const struct page *p, struct spot at, const struct box *b)
{
    bool two = b->sub.n > 0;
    struct str shown = text_cut(buf_str(&b->sub), SUB_COLUMNS);
    page_addf(p, "<g class=\"box %s\"><title>", mark_class(b->mark));
    page_text(p, buf_str(&b->title));
    page_markup(p, " ");
    page_text(p, buf_str(&b->sub));
    page_addf(p, "</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n", at.x,
              at.y, BOX_W, BOX_H);
    draw_words(p, (struct spot){at.x + BOX_W / 2, at.y + (two ? 27 : 36)}, "name",
               buf_str(&b->title));
    if (two) {
        page_addf(p, "<text x=\"%d\" y=\"%d\" class=\"sub\">", at.x + BOX_W / 2, at.y + 46);
        page_text(p, shown);
        page_markup(p, shown.n < b->sub.n ? "\xe2\x80\xa6</text>\n" : "</text>\n");
    }
    page_markup(p, "</g>\n");
    draw_mark(p, (struct spot){at.x + BOX_W - 4, at.y + 4}, 9, b->mark);
    if (b->cross != NULL) {
        draw_words(p, (struct spot){at.x + BOX_W / 2, at.y - 8}, "cross", str_of(b->cross));
    }
}

static void
draw_line(const struct page *p, struct spot a, struct spot b, const struct line *l)
{
    page_addf(p, "<path class=\"way %s\" d=\"M%d %dL%d %d\"/>\n", mark_class(l->mark), a.x, a.y,
              b.x, b.y);
    if (l->cross == NULL) {
        return;
    }
    struct spot middle = {(a.x + b.x) / 2, (a.y + b.y) / 2};
    draw_mark(p, middle, 11, MARK_BAD);
    if (a.y == b.y) {
        draw_words(p, (struct spot){middle.x, middle.y - 20}, "cross", str_of(l->cross));
    } else {
        draw_words(p, (struct spot){middle.x + 20, middle.y + 4}, "cross beside", str_of(l->cross));
    }
}

/* The line through the knots: each stretch as the knot that it leads to, the last one good only if
 * all went well before it. */
static void
draw_stretches(const struct page *p, const struct path *path, const struct spot *knots,
               struct spot from, struct spot to)
{
    struct line stretch = {.mark = MARK_UNKNOWN};
    for (size_t i = 0; i < path->knot_count; i++) {
        stretch.mark = path->knots[i].mark;
        draw_line(p, from, knots[i], &stretch);
        from = knots[i];
    }
    stretch.mark = path->reached.mark == MARK_BAD ? MARK_UNKNOWN : stretch.mark;
    draw_line(p, from, to, &stretch);
}

static void
draw_knot(const struct page *p, const struct knot *k, struct spot at, struct spot label,
          struct spot cross, const char *beside)
{
    char class[32];
    (void)snprintf(class, sizeof class, "label%s%s", beside, k->mark == MARK_BAD ? " bad" : "");
    draw_mark(p, at, k->cross != NULL ? 13 : 9, k->mark);
    draw_words(p, label, class, str_of(tr(layer_title(k->layer))));
    if (k->cross != NULL) {
        (void)snprintf(class, sizeof class, "cross%s", beside);
        draw_words(p, cross, class, str_of(k->cross));
    }
}

static void
open_drawing(const struct page *p, const char *class, int width, int height)
{
    page_addf(p, "<svg class=\"path %s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", class,
              width, height);
    page_say(p, N_("The way of a request from the client to the target"));
    page_markup(p, "\">\n");
}

/* ---- lying ---- */

enum {
    CLIENT_X = 4,
    DNS_X = 192,
    LB_X = 656, /* the other machine's, too */
    TARGET_X = 846,
    FIRST_Y = 56,
    SECOND_Y = FIRST_Y + 134,
};

/* Their words stand above and below in turn: there is no room for all on one side. */
static void
draw_knots_lying(const struct page *p, const struct path *path, struct spot from, struct spot to)
{
    struct spot knots[KNOTS_MAX];
    int n = (int)path->knot_count;
    for (int i = 0; i < n; i++) {
        knots[i] = (struct spot){from.x + (to.x - from.x) * (2 * i + 1) / (2 * n), from.y};
    }
    draw_stretches(p, path, knots, from, to);
    for (int i = 0; i < n; i++) {
        struct spot at = knots[i];
        bool above = i % 2 == 1;
        draw_knot(p, &path->knots[i], at, (struct spot){at.x, at.y + (above ? -20 : 31)},
                  (struct spot){at.x, at.y + (above ? -36 : 48)}, "");
    }
}

/* The name leads elsewhere; the load balancer stands below, asked directly. */
static void
draw_stray_lying(const struct page *p, const struct path *path)
{
    const int middle = FIRST_Y + BOX_H / 2, low = SECOND_Y + BOX_H / 2, x = DNS_X + BOX_W / 2;
    draw_line(p, (struct spot){DNS_X + BOX_W, middle}, (struct spot){LB_X, middle}, &path->led);
    page_addf(p, "<path class=\"way direct %s\" d=\"M%d %dV%dQ%d %d %d %dH%d\"/>\n",
              mark_class(path->knots[0].mark), x, FIRST_Y + BOX_H, low - 20, x, low, x + 20, low,
              DNS_X + BOX_W + 4);
    draw_words(p, (struct spot){x - 8, low + 22}, "label", str_of(tr(N_("asked directly"))));
    draw_box(p, (struct spot){LB_X, FIRST_Y}, &path->stray);
}

static void
draw_lying(const struct page *p, const struct path *path)
{
    const int y = path->has_stray ? SECOND_Y : FIRST_Y;
    const int middle = FIRST_Y + BOX_H / 2, low = y + BOX_H / 2;
    open_drawing(p, "lying", WIDE_W, y + BOX_H + 28);
    draw_line(p, (struct spot){CLIENT_X + BOX_W, middle}, (struct spot){DNS_X, middle},
              &path->asked);
    if (path->has_stray) {
        draw_stray_lying(p, path);
    }
    draw_knots_lying(p, path, (struct spot){DNS_X + BOX_W, low}, (struct spot){LB_X, low});
    draw_line(p, (struct spot){LB_X + BOX_W, low}, (struct spot){TARGET_X, low}, &path->forwarded);
    draw_box(p, (struct spot){CLIENT_X, FIRST_Y}, &path->client);
    draw_box(p, (struct spot){DNS_X, FIRST_Y}, &path->dns);
    draw_box(p, (struct spot){LB_X, y}, &path->lb);
    draw_box(p, (struct spot){TARGET_X, y}, &path->target);
    page_markup(p, "</svg>\n");
}

/* ---- standing ---- */

enum { COLUMN_X = 54, AXIS_X = COLUMN_X + BOX_W / 2, SIDE_X = 18, TOP_Y = 16, GAP = 46, STEP = 31 };

static void
draw_knots_standing(const struct page *p, const struct path *path, int from, int to)
{
    struct spot knots[KNOTS_MAX];
    for (size_t i = 0; i < path->knot_count; i++) {
        knots[i] = (struct spot){AXIS_X, from + STEP * (int)i + 2 * STEP / 3};
    }
    draw_stretches(p, path, knots, (struct spot){AXIS_X, from}, (struct spot){AXIS_X, to});
    for (size_t i = 0; i < path->knot_count; i++) {
        int y = knots[i].y + 5;
        draw_knot(p, &path->knots[i], knots[i], (struct spot){AXIS_X + 22, y},
                  (struct spot){AXIS_X + 146, y}, " beside");
    }
}

static void
draw_standing(const struct page *p, const struct path *path)
{
    const int dns_y = TOP_Y + BOX_H + GAP, stray_y = dns_y + BOX_H + GAP;
    const int from_y = path->has_stray ? stray_y + BOX_H + 20 : dns_y + BOX_H;
    const int lb_y = from_y + STEP * (int)path->knot_count + STEP / 2;
    const int target_y = lb_y + BOX_H + GAP;
    open_drawing(p, "standing", TALL_W, target_y + BOX_H + 8);
    draw_line(p, (struct spot){AXIS_X, TOP_Y + BOX_H}, (struct spot){AXIS_X, dns_y}, &path->asked);
    if (path->has_stray) {
        draw_line(p, (struct spot){AXIS_X, dns_y + BOX_H}, (struct spot){AXIS_X, stray_y},
                  &path->led);
        page_addf(p, "<path class=\"way direct %s\" d=\"M%d %dH%dV%dH%d\"/>\n",
                  mark_class(path->knots[0].mark), COLUMN_X, dns_y + BOX_H / 2, SIDE_X, from_y,
                  AXIS_X);
        draw_box(p, (struct spot){COLUMN_X, stray_y}, &path->stray);
    }
    draw_knots_standing(p, path, from_y, lb_y);
    draw_line(p, (struct spot){AXIS_X, lb_y + BOX_H}, (struct spot){AXIS_X, target_y},
              &path->forwarded);
    draw_box(p, (struct spot){COLUMN_X, TOP_Y}, &path->client);
    draw_box(p, (struct spot){COLUMN_X, dns_y}, &path->dns);
    draw_box(p, (struct spot){COLUMN_X, lb_y}, &path->lb);
    draw_box(p, (struct spot){COLUMN_X, target_y}, &path->target);
    page_markup(p, "</svg>\n");
}

void
page_path(const struct page *p)
{
    struct path path = {.has_stray = false};
    fill_boxes(p, &path);
    fill_knots(p, &path);
    fill_marks(p, &path);
    fill_cross(p, &path);
    page_markup(p, "<section class=\"drawing\">\n");
    draw_lying(p, &path);
    draw_standing(p, &path);
    page_markup(p, "</section>\n");
    path_done(&path);
}
