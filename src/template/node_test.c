/* SPDX-License-Identifier: Apache-2.0
 * Reading YAML and JSON into a tree: positions, scalars, tags, and all that is refused. */
#include "template/template_int.h"

#include "base/test.h"

#include "base/mem.h"

/* Parses; the tree is the caller's, the errors are freed by errors_done(). */
static struct template_errors errors;

static struct tree *
parse(const char *text)
{
    return tree_parse(str_of(text), "t.yaml", &errors);
}

static struct str
error_text(size_t i)
{
    return i < errors.count ? str_of(errors.items[i].text) : STR("(no such error)");
}

/* The text is refused with exactly this one error. */
static void
check_refused(const char *text, const char *expected)
{
    struct tree *t = parse(text);
    CHECK(t == NULL);
    CHECK_INT(errors.count, 1);
    CHECK_STR(error_text(0), expected);
    tree_free(&t);
    template_errors_free(&errors);
}

TEST("YAML maps, lists and scalars keep text, line and column")
{
    struct tree *t = parse("A: 010\nB:\n  - x y\n  - 'yes'\n  - no\nC: {d: \"\\u00e9\"}\n");
    CHECK(t != NULL);
    CHECK_INT(errors.count, 0);
    struct node *root = tree_root(t);
    CHECK_INT(root->kind, NODE_MAP);
    CHECK_INT(root->count, 3);
    CHECK_STR(node_get(root, STR("A"))->text, "010");
    const struct node *list = node_get(root, STR("B"));
    CHECK_INT(list->kind, NODE_LIST);
    CHECK_INT(list->count, 3);
    CHECK_STR(list->items[0]->text, "x y");
    CHECK(!list->items[0]->quoted);
    CHECK_STR(list->items[1]->text, "yes");
    CHECK(list->items[1]->quoted);
    CHECK_INT(list->items[1]->line, 4);
    CHECK_INT(list->items[1]->column, 5);
    CHECK_STR(list->items[2]->text, "no");
    CHECK_INT(root->entries[2].line, 6);
    CHECK_INT(root->entries[2].column, 1);
    const struct node *d = node_get(node_get(root, STR("C")), STR("d"));
    CHECK_STR(d->text, "\xC3\xA9");
    CHECK_INT(d->column, 8);
    CHECK(node_get(root, STR("D")) == NULL);
    CHECK(node_get(d, STR("A")) == NULL);
    tree_free(&t);
    CHECK(t == NULL);
}

TEST("null, ~ and nothing are null; in quotes they are text")
{
    struct tree *t = parse("a: null\nb: ~\nc:\nd: 'null'\ne: ''\nf: NULL\ng: nullable\n");
    struct node *root = tree_root(t);
    static const enum node_kind kinds[] = {NODE_NULL,   NODE_NULL, NODE_NULL,  NODE_SCALAR,
                                           NODE_SCALAR, NODE_NULL, NODE_SCALAR};
    CHECK_INT(root->count, COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        CHECK_INT(root->entries[i].value->kind, kinds[i]);
    }
    tree_free(&t);
}

TEST("short forms become tags, on scalars, lists and maps")
{
    struct tree *t = parse("a: !Ref X\nb: !Join [',', [a]]\nc: !Base64 {'Fn::Sub': x}\n"
                           "d: !GetAtt A.B\ne: !Sub |\n  text\n  more\n");
    struct node *root = tree_root(t);
    static const char *const tags[] = {"Ref", "Join", "Base64", "GetAtt", "Sub"};
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        CHECK_STR(root->entries[i].value->tag, tags[i]);
    }
    CHECK_STR(root->entries[4].value->text, "text\nmore\n");
    CHECK(root->entries[4].value->quoted);
    tree_free(&t);
}

TEST("pretty-printed JSON with tabs, escapes and surrogate pairs")
{
    struct tree *t =
        parse("\t\n{\n\t\"a\": \"x\\/y\\u00e9\\n\",\n\t\"b\":[1,\ttrue,\tnull],\n"
              "\t\"c\": \"\\ud83d\\ude00!\", \"d\": \"\\\\ud83d\\\\ude00\"\n\t}\n\t\n");
    CHECK_INT(errors.count, 0);
    struct node *root = tree_root(t);
    CHECK_STR(node_get(root, STR("a"))->text, "x/y\xC3\xA9\n");
    CHECK_INT(root->entries[0].line, 3);
    CHECK_INT(root->entries[0].column, 2);
    const struct node *list = node_get(root, STR("b"));
    CHECK_INT(list->count, 3);
    CHECK_STR(list->items[1]->text, "true");
    CHECK_INT(list->items[2]->kind, NODE_NULL);
    CHECK_STR(node_get(root, STR("c"))->text, "\xF0\x9F\x98\x80!");
    CHECK_STR(node_get(root, STR("d"))->text, "\\ud83d\\ude00");
    CHECK_INT(root->entries[3].column, 24); /* as written, though the pair was rewritten */
    tree_free(&t);
}

TEST("surrogate pairs in JSON keys, compact JSON, JSON in one line")
{
    struct tree *t = parse("{\"\\uD83D\\uDE00\":{\"x\":\"y\"},\"k\":[]}");
    CHECK_INT(errors.count, 0);
    struct node *root = tree_root(t);
    CHECK_STR(root->entries[0].key, "\xF0\x9F\x98\x80");
    CHECK_STR(node_get(root->entries[0].value, STR("x"))->text, "y");
    CHECK_INT(node_get(root, STR("k"))->count, 0);
    tree_free(&t);
    check_refused("{\"a\": \"\\ud83d\"}",
                  "t.yaml:1:10: found invalid Unicode character escape code while parsing a "
                  "quoted scalar that began at line 1");
}

TEST("a byte order mark does not shift positions; windows line ends are fine")
{
    struct tree *t = parse("\xEF\xBB\xBF"
                           "a: 1\r\nb: 2\r\n");
    CHECK_INT(errors.count, 0);
    CHECK_INT(tree_root(t)->entries[0].column, 1);
    CHECK_INT(tree_root(t)->entries[1].line, 2);
    CHECK_STR(tree_root(t)->entries[1].value->text, "2");
    tree_free(&t);
}

TEST("what a template may not hold is refused with its place")
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "t.yaml:1:1: the template is empty"},
        {"# only a comment\n", "t.yaml:2:1: the template is empty"},
        {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: key 'a' is here a second time, the first is at line 1"},
        {"a: &x 1\n", "t.yaml:1:4: anchor '&x' is not supported; write the value out"},
        {"a: *x\n", "t.yaml:1:4: alias '*x' is not supported; write the value out"},
        {"a:\n  <<: {b: 1}\n",
         "t.yaml:2:3: merge keys ('<<') are not supported; write the entries out"},
        {"a: 1\n---\nb: 2\n",
         "t.yaml:2:1: a second document begins here; a template is one document"},
        {"[a, b]: 1\n", "t.yaml:1:1: a key must be a plain string, not a list"},
        {"? {a: b}\n: 1\n", "t.yaml:1:3: a key must be a plain string, not a map"},
        {"!Ref a: 1\n", "t.yaml:1:1: a key cannot be a function (!Ref)"},
        {"'': 1\n", "t.yaml:1:1: a key is empty"},
        {"a: !Reff x\n",
         "t.yaml:1:4: tag '!Reff' is not a function of CloudFormation; did you mean 'Ref'?"},
        {"a: !!str x\n",
         "t.yaml:1:4: tag 'tag:yaml.org,2002:str' is not a function of CloudFormation"},
        {"a: ! x\n", "t.yaml:1:4: tag '!' is not a function of CloudFormation"},
        {"a: \"x\\0y\"\n", "t.yaml:1:4: a NUL character (\\0) is not allowed in a string"},
        {"a: \"\xFF\"\n", "t.yaml:1:5: byte 0xFF is not valid UTF-8; templates are UTF-8 text"},
        {"a: 1\nb: \xED\xA0\x80\n",
         "t.yaml:2:4: byte 0xED is not valid UTF-8; templates are UTF-8 text"},
        {"a: \x1b[31m\n", "t.yaml:1:4: character U+001B is not allowed in a template"},
        {"a:\n\tb: 1\n", "t.yaml:2:1: a tab cannot indent YAML; use blanks"},
        {"a: [1, 2\n", "t.yaml:2:1: did not find expected ',' or ']' while parsing a flow sequence "
                       "that began at line 1"},
        {"a: 'x\n", "t.yaml:2:1: found unexpected end of stream while scanning a quoted scalar "
                    "that began at line 1"},
        {"a: 1\n b: 2\n", "t.yaml:2:3: mapping values are not allowed in this context"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_refused(rows[i].text, rows[i].expected);
    }
}

TEST("a NUL byte and a template that is too large are refused")
{
    struct tree *t = tree_parse((struct str){"a: \0", 4}, "t.yaml", &errors);
    CHECK(t == NULL);
    CHECK_STR(error_text(0), "t.yaml:1:4: character U+0000 is not allowed in a template");
    template_errors_free(&errors);
    char *large = xalloc(LIMIT_TEMPLATE_BYTES_MAX + 2);
    memset(large, '#', LIMIT_TEMPLATE_BYTES_MAX + 1);
    check_refused(large, "t.yaml:1:1: the template has 1048577 bytes, allowed are 1048576");
    xfree(large);
}

TEST("reading goes on after what is only forbidden: all errors are reported")
{
    struct tree *t = parse("a: &x 1\nb: *x\na: 2\nc: !No x\nd: {<<: 1}\n");
    CHECK(t == NULL);
    CHECK_INT(errors.count, 5);
    CHECK_STR(str_sub(error_text(0), 0, 11), "t.yaml:1:4:");
    CHECK_STR(str_sub(error_text(2), 0, 11), "t.yaml:4:4:");
    template_errors_free(&errors);
}

TEST("more errors than are kept are counted")
{
    struct buf text AUTO(buf_free) = {.p = NULL};
    for (size_t i = 0; i < LIMIT_TEMPLATE_ERRORS_MAX + 7; i++) {
        buf_add_z(&text, "- *x\n");
    }
    struct tree *t = tree_parse(buf_str(&text), "t.yaml", &errors);
    CHECK(t == NULL);
    CHECK_INT(errors.count, LIMIT_TEMPLATE_ERRORS_MAX);
    CHECK_INT(errors.not_shown, 7);
    template_errors_free(&errors);
}

/* "[[[...": n levels. */
static void
nested(struct buf *text, size_t n)
{
    buf_reset(text);
    for (size_t i = 0; i < n; i++) {
        buf_add_char(text, '[');
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_char(text, ']');
    }
}

TEST("depth and number of values are limited")
{
    struct buf text AUTO(buf_free) = {.p = NULL};
    nested(&text, LIMIT_TEMPLATE_DEPTH_MAX);
    struct tree *t = tree_parse(buf_str(&text), "t.yaml", &errors);
    CHECK(t != NULL);
    tree_free(&t);
    nested(&text, LIMIT_TEMPLATE_DEPTH_MAX + 1);
    check_refused(text.p, "t.yaml:1:65: more than 64 levels of maps and lists");
    nested(&text, 100000);
    check_refused(text.p, "t.yaml:1:65: more than 64 levels of maps and lists");
    buf_reset(&text);
    for (size_t i = 0; i < LIMIT_TEMPLATE_NODES_MAX; i++) {
        buf_add_z(&text, "- x\n");
    }
    check_refused(text.p, "t.yaml:100000:3: more than 100000 values in one template");
}

TEST("messages are cut and cannot command a terminal")
{
    struct buf text AUTO(buf_free) = {.p = NULL};
    buf_add_z(&text, "\"a\\e[31m\": 1\n\"a\\e[31m\": 2\n");
    check_refused(text.p, "t.yaml:2:1: key 'a\\x1B[31m' is here a second time, the first is at "
                          "line 1");
    buf_reset(&text);
    buf_add_z(&text, "a: *");
    for (size_t i = 0; i < 3000; i++) {
        buf_add_z(&text, "b");
    }
    struct tree *t = tree_parse(buf_str(&text), "t.yaml", &errors);
    CHECK(t == NULL);
    CHECK_INT(errors.count, 1);
    CHECK(str_ends(error_text(0), STR("...")));
    CHECK(error_text(0).n < 1100);
    template_errors_free(&errors);
}

TEST("the nearest name is near")
{
    struct str names[] = {STR("Port"), STR("Protocol"), STR("LoadBalancerArn")};
    CHECK_STR(nearest_name(STR("Prot"), names, COUNT_OF(names)), "Port");
    CHECK_STR(nearest_name(STR("protocol"), names, COUNT_OF(names)), "Protocol");
    CHECK_STR(nearest_name(STR("LoadBalancersArns"), names, COUNT_OF(names)), "LoadBalancerArn");
    CHECK_STR(nearest_name(STR("Tags"), names, COUNT_OF(names)), "");
    CHECK_STR(nearest_name(STR("xy"), names, COUNT_OF(names)), "");
    CHECK_STR(nearest_name(STR(""), names, COUNT_OF(names)), "");
}

TEST_MAIN
