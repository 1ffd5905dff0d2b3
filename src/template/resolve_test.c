/* SPDX-License-Identifier: Apache-2.0
 * Resolving templates: each function giving its value and refusing, parameters, conditions,
 * sections, resources and outputs. */
#include "template/template_int.h"

#include "base/mem.h"
#include "base/test.h"

static struct template_errors errors;
static struct str given_names[4];
static struct str given_values[4];
static size_t given_count;
static struct buf asked; /* what env->resource_value was asked, in order */

static bool
resource_value(void *context, struct str logical_id, struct str type, struct str attribute,
               struct tree *memory, struct str *ret_value)
{
    (void)context;
    const struct tree_resource *r = tree_resource_find(memory, logical_id);
    const struct node *name = r == NULL ? NULL : node_get(r->properties, STR("Name"));
    buf_addf(&asked, "%.*s.%.*s(%.*s) ", STR_ARG(logical_id), STR_ARG(attribute),
             STR_ARG(name == NULL ? STR("") : name->text));
    if (attribute.n == 0) {
        char *arn = xprintf("arn:%.*s:%.*s", STR_ARG(type), STR_ARG(logical_id));
        *ret_value = tree_dup(memory, str_of(arn));
        xfree(arn);
        return true;
    }
    *ret_value = STR("dns.name");
    return str_eq(attribute, STR("DNSName"));
}

/* Parses and resolves; parameters given with give() before. NULL: not even parsed. */
static struct tree *
resolve(struct str text, bool *ret_good)
{
    struct tree *t = tree_parse(text, "t", &errors);
    const struct resolve_env env = {
        .account = STR("000000000000"),
        .region = STR("eu-west-1"),
        .partition = STR("aws"),
        .url_suffix = STR("amazonaws.com"),
        .stack_name = STR("web"),
        .stack_id = STR("stack-id"),
        .parameter_names = given_names,
        .parameter_values = given_values,
        .parameter_count = given_count,
        .resource_value = resource_value,
    };
    *ret_good = t != NULL && tree_resolve(t, &env, &errors);
    return t;
}

static void
give(const char *name, const char *value)
{
    given_names[given_count] = str_of(name);
    given_values[given_count++] = str_of(value);
}

static void
done(struct tree **t)
{
    tree_free(t);
    template_errors_free(&errors);
    buf_free(&asked);
    given_count = 0;
}

/* What the values below see. */
static const char frame[] = "Parameters:\n"
                            "  Env: {Type: String, Default: dev}\n"
                            "  Secret: {Type: String, Default: hush, NoEcho: true}\n"
                            "  List: {Type: CommaDelimitedList, Default: 'a, b,c'}\n"
                            "  Numbers: {Type: List<Number>, Default: '1,2'}\n"
                            "Mappings:\n"
                            "  Ports: {dev: {http: 80, both: [80, 443]}, prod: {http: 8080}}\n"
                            "Conditions:\n"
                            "  IsDev: !Equals [!Ref Env, dev]\n"
                            "  IsProd: !Not [!Condition IsDev]\n"
                            "Resources:\n"
                            "  Lb: {Type: T::Lb, Properties: {Name: !Sub 'lb-${Env}'}}\n"
                            "  Gone: {Type: T::Lb, Condition: IsProd}\n"
                            "  X:\n"
                            "    Type: T::X\n"
                            "    Properties:\n"
                            "      V: "; /* line 17, column 10 */

/* The value as text: scalars as they are, lists "[a|b]", maps "{k=v|}". */
static void
show(struct buf *out, const struct node *n)
{
    if (n->kind == NODE_SCALAR || n->kind == NODE_NULL) {
        buf_add_str(out, n->text);
        return;
    }
    buf_add_char(out, n->kind == NODE_LIST ? '[' : '{');
    for (size_t i = 0; i < n->count; i++) {
        buf_add_z(out, i == 0 ? "" : "|");
        if (n->kind == NODE_MAP) {
            buf_addf(out, "%.*s=", STR_ARG(n->entries[i].key));
        }
        show(out, n->kind == NODE_MAP ? n->entries[i].value : n->items[i]);
    }
    buf_add_char(out, n->kind == NODE_LIST ? ']' : '}');
}

static void
value_check(const char *written, const char *expected)
{
    struct buf text AUTO(buf_free) = {.p = NULL};
    struct buf shown AUTO(buf_free) = {.p = NULL};
    buf_addf(&text, "%s%s\n", frame, written);
    bool good;
    struct tree *t = resolve(buf_str(&text), &good);
    if (!good) {
        test_failed(__FILE__, __LINE__, "%s: %s", written,
                    errors.count > 0 ? errors.items[0].text : "no error");
        done(&t);
        return;
    }
    const struct tree_resource *x = tree_resource_find(t, STR("X"));
    const struct node *value = x == NULL ? NULL : node_get(x->properties, STR("V"));
    if (value == NULL) {
        buf_add_z(&shown, "(absent)");
    } else {
        show(&shown, value);
    }
    if (!str_eq(buf_str(&shown), str_of(expected))) {
        test_failed(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", written,
                    shown.p == NULL ? "" : shown.p, expected);
    }
    done(&t);
}

/* The whole text gives exactly this one error. */
static void
refusal_check(const char *text, const char *expected)
{
    bool good;
    struct tree *t = resolve(str_of(text), &good);
    CHECK(!good);
    if (errors.count != 1 || !str_eq(str_of(errors.items[0].text), str_of(expected))) {
        test_failed(__FILE__, __LINE__, "%zu errors, expected \"%s\":", errors.count, expected);
        for (size_t i = 0; i < errors.count; i++) {
            test_failed(__FILE__, __LINE__, "  \"%s\"", errors.items[i].text);
        }
    }
    done(&t);
}

struct row {
    const char *text, *expected;
};

TEST("functions give their values")
{
    static const struct row rows[] = {
        {"010", "010"},
        {"[a, {b: [c]}]", "[a|{b=[c]}]"},
        {"!Ref Env", "dev"},
        {"{Ref: Env}", "dev"},
        {"!Ref List", "[a|b|c]"},
        {"!Ref Numbers", "[1|2]"},
        {"!Ref Lb", "arn:T::Lb:Lb"},
        {"!Ref AWS::AccountId", "000000000000"},
        {"!Ref AWS::Region", "eu-west-1"},
        {"!Ref AWS::Partition", "aws"},
        {"!Ref AWS::URLSuffix", "amazonaws.com"},
        {"!Ref AWS::StackName", "web"},
        {"!Ref AWS::StackId", "stack-id"},
        {"!Ref AWS::NotificationARNs", "[]"},
        {"!Ref AWS::NoValue", "(absent)"},
        {"[a, !Ref AWS::NoValue, b]", "[a|b]"},
        {"{a: !Ref AWS::NoValue, b: c}", "{b=c}"},
        {"!GetAtt Lb.DNSName", "dns.name"},
        {"!GetAtt [Lb, DNSName]", "dns.name"},
        {"{'Fn::GetAtt': [Lb, !Join ['', [DNS, Name]]]}", "dns.name"},
        {"!Sub '${Env}-${AWS::Region}-${Lb.DNSName}-${!Env}-$x'",
         "dev-eu-west-1-dns.name-${Env}-$x"},
        {"!Sub ['${Env}${a.b}', {Env: mine, a.b: !Ref Env}]", "minedev"},
        {"{'Fn::Sub': plain}", "plain"},
        {"!Sub ''", ""},
        {"!Join ['-', [a, !Ref Env, !Ref AWS::NoValue, c]]", "a-dev-c"},
        {"!Join ['', !Ref List]", "abc"},
        {"!Join [',', []]", ""},
        {"!Select [1, !Ref List]", "b"},
        {"!Select ['0', [{k: v}]]", "{k=v}"},
        {"!Select [!Select [0, !Ref Numbers], [x, y]]", "y"},
        {"!Split ['::', 'a::b::']", "[a|b|]"},
        {"!Split [',', '']", "[]"},
        {"!Select [2, !Split ['/', !Sub 'x/y/${Env}']]", "dev"},
        {"!If [IsDev, yes, no]", "yes"},
        {"!If [IsProd, yes, {a: !Ref Env}]", "{a=dev}"},
        {"!If [IsProd, x, !Ref AWS::NoValue]", "(absent)"},
        {"!If [IsDev, a, !Ref Gone]", "a"},
        {"!FindInMap [Ports, !Ref Env, http]", "80"},
        {"!FindInMap [Ports, dev, both]", "[80|443]"},
        {"!Base64 ''", ""},
        {"!Base64 a", "YQ=="},
        {"!Base64 {'Fn::Sub': '${Env}'}", "ZGV2"},
        {"{'Fn::Base64': abcde}", "YWJjZGU="},
        {"{Condition: IsDev, b: c}", "{Condition=IsDev|b=c}"},
        {"{Condition: IsDev}", "{Condition=IsDev}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        value_check(rows[i].text, rows[i].expected);
    }
}

TEST("functions refuse what they cannot use, with the place")
{
    static const struct row rows[] = {
        {"!Ref Evn", "t:17:10: unknown parameter or resource 'Evn'; did you mean 'Env'?"},
        {"!Ref AWS::Regio", "t:17:10: unknown pseudo parameter 'AWS::Regio'; did you mean "
                            "'AWS::Region'?"},
        {"!Ref [Env]", "t:17:10: the name for Ref must be a plain string, not a list"},
        {"!Ref", "t:17:10: the name for Ref must be a plain string, not null"},
        {"{Ref: !Ref Env}", "t:17:16: the name for Ref must be a plain string, not a function"},
        {"!Ref Gone", "t:17:10: resource 'Gone' is not created, because its condition 'IsProd' is "
                      "false; use Fn::If here with the same condition"},
        {"!If [IsDev, a, !Ref Gon]", "t:17:25: unknown parameter or resource 'Gon'; did you mean "
                                     "'Gone'?"},
        {"!If [IsDev, a, !Sub '${Nope}']", "t:17:25: unknown parameter or resource 'Nope'; did you "
                                           "mean 'Gone'?"},
        {"!If [IsDev, a, {k: [!GetAtt Nothing.X]}]", "t:17:30: unknown resource 'Nothing'"},
        {"!If [IsDev, a, !FindInMap [Port, a, b]]", "t:17:37: unknown mapping 'Port'; did you mean "
                                                    "'Ports'?"},
        {"!If [IsDev, a, !If [No, a, b]]", "t:17:30: unknown condition 'No'"},
        {"!If [IsDev, a, !GetAZs x]", "t:17:25: Fn::GetAZs is not supported yet"},
        {"!If [IsDevv, a, b]", "t:17:15: unknown condition 'IsDevv'; did you mean 'IsDev'?"},
        {"!If [IsDev, a]", "t:17:10: Fn::If needs [condition, value if true, value if false]"},
        {"!GetAtt Lb", "t:17:10: Fn::GetAtt needs RESOURCE.ATTRIBUTE or [RESOURCE, ATTRIBUTE]"},
        {"!GetAtt [Lb]", "t:17:10: Fn::GetAtt needs RESOURCE.ATTRIBUTE or [RESOURCE, ATTRIBUTE]"},
        {"!GetAtt Lb.DnsName", "t:17:10: resource 'Lb' of type T::Lb has no attribute 'DnsName'"},
        {"!GetAtt Env.X", "t:17:10: 'Env' is a parameter, a resource is wanted here"},
        {"!GetAtt Lc.DNSName", "t:17:10: unknown resource 'Lc'; did you mean 'Lb'?"},
        {"!Sub '${Env'", "t:17:10: '${' in Fn::Sub is not closed by '}'"},
        {"!Sub '${a b}'", "t:17:10: '${a b}' in Fn::Sub: a name has letters, digits, '_', '.' and "
                          "':' only; write ${!...} for a literal ${...}"},
        {"!Sub '${List}'", "t:17:10: '${List}' in Fn::Sub must be a string, not a list"},
        {"!Sub '${AWS::NoValue}'", "t:17:10: '${AWS::NoValue}' in Fn::Sub must be a string, not "
                                   "AWS::NoValue"},
        {"!Sub [a, {b: [c]}]", "t:17:23: the variable of Fn::Sub must be a string, not a list"},
        {"!Sub [a]", "t:17:10: Fn::Sub needs a string or [string, map of variables]"},
        {"!Join [a]", "t:17:10: Fn::Join needs [delimiter, list of strings]"},
        {"!Join [a, b]", "t:17:20: the second argument of Fn::Join must be a list, not a string"},
        {"!Join [[a], [b]]", "t:17:17: the delimiter of Fn::Join must be a string, not a list"},
        {"!Join ['', [a, {b: c}]]", "t:17:25: Fn::Join joins strings; this is a map"},
        {"!Select [3, !Ref List]", "t:17:19: index '3' of Fn::Select: the list has 3 items, the "
                                   "first is 0"},
        {"!Select [-1, [a]]", "t:17:19: index '-1' of Fn::Select: the list has 1 items, the first "
                              "is 0"},
        {"!Select [!Ref Secret, [a]]", "t:17:19: index '(hidden)' of Fn::Select: the list has 1 "
                                       "items, the first is 0"},
        {"!Split ['', a]", "t:17:18: the delimiter of Fn::Split is empty"},
        {"!Split [a, [b]]", "t:17:21: the second argument of Fn::Split must be a string, not a "
                            "list"},
        {"!FindInMap [Port, a, b]", "t:17:22: unknown mapping 'Port'; did you mean 'Ports'?"},
        {"!FindInMap [Ports, prd, http]", "t:17:29: first key 'prd' is not in the mapping; did you "
                                          "mean 'prod'?"},
        {"!FindInMap [Ports, dev, htp]", "t:17:34: second key 'htp' is not in the mapping; did you "
                                         "mean 'http'?"},
        {"!FindInMap [Ports, !Ref Secret, x]", "t:17:29: first key '(hidden)' is not in the "
                                               "mapping"},
        {"!Base64 [a]", "t:17:10: the argument of Fn::Base64 must be a string, not a list"},
        {"!ImportValue x", "t:17:10: Fn::ImportValue is not supported yet"},
        {"{'Fn::Cidr': [a, b, c]}", "t:17:10: Fn::Cidr is not supported yet"},
        {"!Transform {Name: x}", "t:17:10: Fn::Transform is not supported yet"},
        {"{'Fn::ForEach::Loop': []}", "t:17:10: Fn::ForEach is not supported yet"},
        {"{'Fn::Joni': []}", "t:17:10: unknown function 'Fn::Joni'; did you mean 'Fn::Join'?"},
        {"{'Fn::Sub': x, y: z}", "t:17:10: function 'Fn::Sub' must be the only key of its map"},
        {"!Equals [a, b]", "t:17:10: Fn::Equals gives true or false and belongs into Conditions"},
        {"!Condition IsDev", "t:17:10: Condition gives true or false and belongs into Conditions"},
        {"null", "t:17:10: null is not allowed; leave it out, or write !Ref AWS::NoValue"},
        {"!Ref X", "t:17:10: resources depend on one another in a circle: X -> X"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *text = xprintf("%s%s\n", frame, rows[i].text);
        refusal_check(text, rows[i].expected);
        xfree(text);
    }
}

TEST("a resource is resolved before it is asked for its value")
{
    bool good;
    struct tree *t = resolve(STR("Resources:\n"
                                 "  A: {Type: T, Properties: {Name: !Ref B}}\n"
                                 "  B: {Type: U, Properties: {Name: !Sub '${C.DNSName}'}}\n"
                                 "  C: {Type: V, Properties: {Name: !Join ['', [c]]}}\n"),
                             &good);
    CHECK(good);
    CHECK_STR(buf_str(&asked), "C.DNSName(c) B.(dns.name) ");
    CHECK_INT(tree_resource_count(t), 3);
    CHECK_STR(tree_resource(t, 0)->logical_id, "A");
    CHECK_STR(tree_resource(t, 2)->type, "V");
    CHECK_STR(node_get(tree_resource(t, 0)->properties, STR("Name"))->text, "arn:U:B");
    CHECK(tree_resource_find(t, STR("D")) == NULL);
    done(&t);
}

TEST("resources whose condition is false are gone, with their outputs")
{
    bool good;
    give("Env", "prod");
    struct tree *t =
        resolve(STR("Parameters: {Env: {Type: String}}\n"
                    "Metadata: {Mine: {x: null}, OpenALB: {Instances: {i-1: !Ref Env}}}\n"
                    "Conditions:\n"
                    "  Both: !And [!Condition Prod, !Condition Dev]\n"
                    "  One: !Or [!Condition Prod, !Condition Dev]\n"
                    "  Dev: {'Fn::Not': [{Condition: Prod}]}\n"
                    "  Prod: {'Fn::Equals': [{Ref: Env}, prod]}\n"
                    "Resources:\n"
                    "  A: {Type: T, Condition: Dev}\n"
                    "  B: {Type: T, Condition: Prod, DependsOn: [A, C]}\n"
                    "  C: {Type: T, Condition: One, Metadata: {a: !Ref Env}}\n"
                    "  D: {Type: T, Condition: Both, Properties: {x: !Ref A}}\n"
                    "Outputs:\n"
                    "  P: {Value: !Ref A, Condition: Dev}\n"
                    "  Q: {Value: !Ref B, Condition: Prod, Export: {Name: !ImportValue x}}\n"),
                &good);
    CHECK(good);
    CHECK_INT(errors.count, 0);
    CHECK_INT(tree_resource_count(t), 2);
    CHECK_STR(tree_resource(t, 0)->logical_id, "B");
    CHECK_STR(tree_resource(t, 0)->entry->key, "B");
    CHECK_STR(node_get(tree_resource(t, 1)->metadata, STR("a"))->text, "prod");
    CHECK_INT(node_get(tree_root(t), STR("Resources"))->count, 2);
    const struct node *outputs = node_get(tree_root(t), STR("Outputs"));
    CHECK_INT(outputs->count, 1);
    CHECK_STR(node_get(node_get(outputs, STR("Q")), STR("Value"))->text, "arn:T:B");
    CHECK(node_get(node_get(outputs, STR("Q")), STR("Export")) == NULL);
    const struct node *conditions = node_get(tree_root(t), STR("Conditions"));
    CHECK_STR(node_get(conditions, STR("Both"))->text, "false");
    CHECK_STR(node_get(conditions, STR("One"))->text, "true");
    const struct node *own = node_get(node_get(tree_root(t), STR("Metadata")), STR("OpenALB"));
    CHECK_STR(node_get(node_get(own, STR("Instances")), STR("i-1"))->text, "prod");
    done(&t);
}

TEST("conditions refuse what is not a condition")
{
    static const struct row rows[] = {
        {"!Condition B", "t:1:17: unknown condition 'B'"},
        {"yes", "t:1:17: a condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, not a "
                "string"},
        {"!Ref R", "t:1:17: a condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, not "
                   "Ref"},
        {"!Equals [a]", "t:1:17: Fn::Equals needs [value, value]"},
        {"!Equals [!Ref R, a]", "t:1:26: a condition cannot use resource 'R', only parameters"},
        {"!Equals [!Ref AWS::NoValue, a]", "t:1:26: AWS::NoValue cannot be compared"},
        {"!And [!Equals [a, a]]", "t:1:17: Fn::And needs a list of 2 to 10 conditions"},
        {"!Not [a]", "t:1:23: a condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, "
                     "not a string"},
        {"!Not [!Condition A]", "t:1:23: conditions refer to one another in a circle: A -> A"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *text = xprintf("Conditions: {A: %s}\nResources: {R: {Type: T}}\n", rows[i].text);
        refusal_check(text, rows[i].expected);
        xfree(text);
    }
}

TEST("circles are found and told as a path")
{
    refusal_check("Resources:\n  A: {Type: T, Properties: {x: !Ref B}}\n"
                  "  B: {Type: T, DependsOn: C}\n  C: {Type: T, Properties: {x: !Sub '${A}'}}\n",
                  "t:4:32: resources depend on one another in a circle: A -> B -> C -> A");
    refusal_check("Resources:\n  A: {Type: T, DependsOn: A}\n",
                  "t:2:27: resources depend on one another in a circle: A -> A");
    refusal_check("Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n"
                  "Resources: {R: {Type: T}}\n",
                  "t:3:12: conditions refer to one another in a circle: A -> B -> A");
}

TEST("sections, resources and outputs are checked")
{
    static const struct row rows[] = {
        {"[a]\n", "t:1:1: a template must be a map of sections, not a list"},
        {"Description: x\n", "t:1:1: a template needs at least one resource under Resources"},
        {"Resources: {}\n", "t:1:12: a template needs at least one resource under Resources"},
        {"Resources:\n", "t:1:1: section 'Resources' must be a map"},
        {"AWSTemplateFormatVersion: 2010-09-10\nResources: {R: {Type: T}}\n",
         "t:1:27: AWSTemplateFormatVersion '2010-09-10' must be '2010-09-09'"},
        {"Resources: {R: {Type: T}}\nResource: {}\n",
         "t:2:1: unknown section 'Resource'; did you mean 'Resources'?"},
        {"Resources: {R: {Type: T}}\nRules: {}\n", "t:2:1: section 'Rules' is not supported yet"},
        {"Resources: {R: {Type: T}}\nTransform: AWS::Serverless-2016-10-31\n",
         "t:2:1: section 'Transform' is not supported yet"},
        {"Resources: {R: {Type: T}}\nDescription: [x]\n",
         "t:2:1: 'Description' must be a plain string"},
        {"Resources: {R-1: {Type: T}}\n",
         "t:1:13: name 'R-1' must have letters and digits only, at most 255"},
        {"Resources: {R: x}\n", "t:1:13: resource 'R' must be a map with a Type"},
        {"Resources: {R: {}}\n", "t:1:13: resource 'R' has no Type"},
        {"Resources: {R: {Type: !Ref AWS::Region}}\n",
         "t:1:23: the Type of a resource must be a plain string, not a function"},
        {"Resources: {R: {Type: T, Propertys: {}}}\n",
         "t:1:26: unknown key 'Propertys' of resource 'R'; did you mean 'Properties'?"},
        {"Resources: {R: {Type: T, CreationPolicy: {}}}\n",
         "t:1:26: 'CreationPolicy' of resource 'R' is not supported yet"},
        {"Resources: {R: {Type: T, DeletionPolicy: Keep}}\n",
         "t:1:42: DeletionPolicy 'Keep' must be Delete, Retain, Snapshot or RetainExceptOnCreate"},
        {"Resources: {R: {Type: T, Properties: [a]}}\n",
         "t:1:38: Properties must be a map, not a list"},
        {"Resources: {R: {Type: T, Condition: C}}\n", "t:1:37: unknown condition 'C'"},
        {"Resources: {Rest: {Type: T, DependsOn: [Best]}}\n",
         "t:1:41: unknown resource 'Best'; did you mean 'Rest'?"},
        {"Resources: {R: {Type: T, DependsOn: {a: b}}}\n",
         "t:1:37: DependsOn must be the name of a resource, or a list of names"},
        {"Parameters: {R: {Type: String, Default: x}}\nResources: {R: {Type: T}}\n",
         "t:2:13: 'R' is the name of a parameter and of a resource"},
        {"Resources: {R: {Type: T}}\nOutputs: {O: {}}\n", "t:2:11: output 'O' has no Value"},
        {"Resources: {R: {Type: T}}\nOutputs: {O: {Value: [a]}}\n",
         "t:2:22: the Value of output 'O' must be a string, not a list"},
        {"Resources: {R: {Type: T}}\nOutputs: {O: {Value: a, Exprt: b}}\n",
         "t:2:25: unknown key 'Exprt' of output 'O'; did you mean 'Export'?"},
        {"Resources: {R: {Type: T}}\nMappings: {M: {a: {b: !Ref R}}}\n",
         "t:2:23: a value of a mapping must be a plain string, not a function"},
        {"Resources: {R: {Type: T}}\nMappings: {M: {a: b}}\n",
         "t:2:19: a first key of a mapping must be a map, not a string"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        refusal_check(rows[i].text, rows[i].expected);
    }
}

TEST("all errors of a template are reported at once")
{
    bool good;
    struct tree *t = resolve(STR("Parameters: {P: {Type: Strin}}\nFoo: {}\n"
                                 "Resources:\n  A: {Type: T, Properties: {x: !Ref P, y: !Ref Q1}}\n"
                                 "  B: {Type: T, Properties: {x: !Ref A, z: !GetAZs ''}}\n"
                                 "Outputs: {O: {Value: !Ref Nowhere}}\n"),
                             &good);
    CHECK(!good);
    CHECK_INT(errors.count, 5);
    CHECK_STR(str_of(errors.items[1].text),
              "t:1:24: unknown Type 'Strin' of parameter 'P'; did you mean 'String'?");
    done(&t);
}

/* A parameter P with this declaration; what !Ref P gives. */
static void
parameter_check(const char *declaration, const char *given, const char *expected)
{
    struct buf text AUTO(buf_free) = {.p = NULL};
    struct buf shown AUTO(buf_free) = {.p = NULL};
    buf_addf(&text, "Parameters: {P: %s}\nResources: {R: {Type: T, Properties: {V: !Ref P}}}\n",
             declaration);
    if (given != NULL) {
        give("P", given);
    }
    bool good;
    struct tree *t = resolve(buf_str(&text), &good);
    if (good) {
        show(&shown, node_get(tree_resource(t, 0)->properties, STR("V")));
    } else {
        buf_add_z(&shown, errors.items[0].text);
        CHECK_INT(errors.count, 1);
    }
    CHECK_STR(buf_str(&shown), expected);
    done(&t);
}

TEST("parameters take values that their declaration allows")
{
    static const struct {
        const char *declaration, *given, *expected;
    } rows[] = {
        {"{Type: String, Default: a}", NULL, "a"},
        {"{Type: String, Default: a}", "b", "b"},
        {"{Type: String, Default: ''}", NULL, ""},
        {"{Type: Number}", "-1.5e3", "-1.5e3"},
        {"{Type: Number, MinValue: 1, MaxValue: 10, Default: 10}", "1", "1"},
        {"{Type: Number, AllowedValues: [80, 443]}", "443.0", "443.0"},
        {"{Type: List<Number>}", "1, 2", "[1|2]"},
        {"{Type: CommaDelimitedList}", "a, b ,c", "[a|b|c]"},
        {"{Type: AWS::EC2::VPC::Id}", "vpc-1", "vpc-1"},
        {"{Type: List<AWS::EC2::Subnet::Id>}", "subnet-1,subnet-2", "[subnet-1|subnet-2]"},
        {"{Type: String, AllowedValues: [dev, prod]}", "prod", "prod"},
        {"{Type: String, AllowedPattern: '[a-z]+\\d'}", "ab1", "ab1"},
        {"{Type: CommaDelimitedList, AllowedPattern: '[a-z]'}", "a,b", "[a|b]"},
        {"{Type: String, MinLength: 2, MaxLength: 3}", "\xC3\xA9\xC3\xA9", "\xC3\xA9\xC3\xA9"},
        {"{Type: String, NoEcho: 'true', Description: d, ConstraintDescription: c}", "x", "x"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        parameter_check(rows[i].declaration, rows[i].given, rows[i].expected);
    }
}

TEST("parameters refuse values and declarations, and never print a secret")
{
    static const struct {
        const char *declaration, *given, *expected;
    } rows[] = {
        {"{Type: String}", NULL,
         "t:1:14: parameter 'P' has no value and no Default; give one with --parameter P=VALUE"},
        {"x", NULL, "t:1:14: parameter 'P' must be a map with a Type"},
        {"{Default: a}", NULL, "t:1:14: parameter 'P' has no Type"},
        {"{Type: Sting}", "x",
         "t:1:24: unknown Type 'Sting' of parameter 'P'; did you mean 'String'?"},
        {"{Type: 'List<AWS::EC2::Subnet::ID2>'}", "x",
         "t:1:24: unknown Type 'List<AWS::EC2::Subnet::ID2>' of parameter 'P'; did you mean "
         "'List<AWS::EC2::Subnet::Id>'?"},
        {"{Type: 'AWS::SSM::Parameter::Value<String>'}", "x",
         "t:1:24: Type 'AWS::SSM::Parameter::Value<String>' is not supported yet"},
        {"{Type: String, Defalt: x}", "x",
         "t:1:32: unknown key 'Defalt' of parameter 'P'; did you mean 'Default'?"},
        {"{Type: String, Default: !Ref AWS::Region}", "x",
         "t:1:41: the Default of a parameter must be a plain string, not a function"},
        {"{Type: String, Default: [a]}", "x",
         "t:1:41: the Default of a parameter must be a plain string, not a list"},
        {"{Type: Number}", "eighty", "t:1:14: parameter 'P': 'eighty' is not a number"},
        {"{Type: Number}", "0x10", "t:1:14: parameter 'P': '0x10' is not a number"},
        {"{Type: Number}", "1e", "t:1:14: parameter 'P': '1e' is not a number"},
        {"{Type: Number}", ".", "t:1:14: parameter 'P': '.' is not a number"},
        {"{Type: Number}", "", "t:1:14: parameter 'P': '' is not a number"},
        {"{Type: List<Number>}", "1,b", "t:1:14: parameter 'P': 'b' is not a number"},
        {"{Type: Number, MinValue: 1}", "0.5", "t:1:14: parameter 'P': '0.5' is less than 1"},
        {"{Type: Number, MaxValue: 9}", "10", "t:1:14: parameter 'P': '10' is greater than 9"},
        {"{Type: String, MinLength: 2}", "a",
         "t:1:14: parameter 'P': 'a' is shorter than 2 characters"},
        {"{Type: String, MaxLength: 2}", "abc",
         "t:1:14: parameter 'P': 'abc' is longer than 2 characters"},
        {"{Type: String, AllowedValues: [a, b], ConstraintDescription: a or b please}", "c",
         "t:1:14: parameter 'P': 'c' is not one of its AllowedValues 'a', 'b': a or b please"},
        {"{Type: String, AllowedPattern: '[a-z]+'}", "a1",
         "t:1:14: parameter 'P': 'a1' does not match its AllowedPattern"},
        {"{Type: String, AllowedPattern: '(?=a)'}", "a",
         "t:1:48: AllowedPattern '(?=a)' of parameter 'P': groups that begin with '(?' are not "
         "supported, except '(?:'"},
        {"{Type: String, Default: c, AllowedValues: [a]}", "a",
         "t:1:41: parameter 'P': 'c' is not one of its AllowedValues 'a'"},
        {"{Type: String, NoEcho: true, AllowedValues: [a, b]}", "hush",
         "t:1:14: parameter 'P': '(hidden)' is not one of its AllowedValues"},
        {"{Type: Number, NoEcho: true}", "hush",
         "t:1:14: parameter 'P': '(hidden)' is not a number"},
        {"{Type: String, NoEcho: maybe}", "x",
         "t:1:40: NoEcho 'maybe' of parameter 'P' must be true or false"},
        {"{Type: String, MinValue: 1}", "x",
         "t:1:42: MinValue is for parameters of Type Number, not for parameter 'P'"},
        {"{Type: Number, MinLength: 1}", "1",
         "t:1:43: MinLength is for parameters of Type String, not for parameter 'P'"},
        {"{Type: String, MinLength: -1}", "1",
         "t:1:43: MinLength '-1' of parameter 'P' is not a number of characters"},
        {"{Type: String, MinLength: 3, MaxLength: 2}", "abc",
         "t:1:17: the minimum of parameter 'P' is greater than its maximum"},
        {"{Type: Number, AllowedPattern: a}", "1",
         "t:1:48: AllowedPattern is not for numbers (parameter 'P')"},
        {"{Type: String, AllowedValues: a}", "1",
         "t:1:47: AllowedValues of parameter 'P' must be a list of strings"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        parameter_check(rows[i].declaration, rows[i].given, rows[i].expected);
    }
    give("Env", "x");
    refusal_check("Parameters: {En: {Type: String, Default: a}}\nResources: {R: {Type: T}}\n",
                  "t:1:13: parameter 'Env' is given, but the template has none of this name; did "
                  "you mean 'En'?");
    char *large = xalloc(5000);
    memset(large, 'x', 4097);
    parameter_check("{Type: String}", large,
                    "t:1:14: the value of parameter 'P' has 4097 bytes, allowed are 4096");
    xfree(large);
}

TEST("values made from a secret are secret")
{
    static const char *const written[] = {
        "!Ref S",
        "!Sub 'x${S}'",
        "!Join ['', [a, !Ref S]]",
        "!Base64 {Ref: S}",
        "!Select [0, !Split [',', !Ref S]]",
        "!If [C, !Ref S, x]",
    };
    for (size_t i = 0; i < COUNT_OF(written); i++) {
        char *text = xprintf("Parameters: {S: {Type: String, Default: hush, NoEcho: true}}\n"
                             "Conditions: {C: !Equals [a, a]}\n"
                             "Resources: {R: {Type: T, Properties: {V: %s, W: open}}}\n",
                             written[i]);
        bool good;
        struct tree *t = resolve(str_of(text), &good);
        CHECK(good);
        const struct node *properties = tree_resource(t, 0)->properties;
        CHECK(node_get(properties, STR("V"))->secret);
        CHECK_STR(node_shown(node_get(properties, STR("V"))), "(hidden)");
        CHECK_STR(node_shown(node_get(properties, STR("W"))), "open");
        done(&t);
        xfree(text);
    }
}

TEST("short templates cannot make endless text, lists or depth")
{
    struct buf text AUTO(buf_free) = {.p = NULL};
    buf_add_z(&text, "Resources: {R: {Type: T, Properties: {V: ");
    for (size_t i = 0; i < 20; i++) {
        buf_add_z(&text, "!Sub ['${a}${a}${a}${a}', {a: ");
    }
    buf_add_z(&text, "x");
    for (size_t i = 0; i < 20; i++) {
        buf_add_z(&text, "}]");
    }
    buf_add_z(&text, "}}}\n");
    bool good;
    struct tree *t = resolve(buf_str(&text), &good);
    CHECK(!good);
    CHECK_INT(errors.count, 1);
    CHECK(str_find(str_of(errors.items[0].text), STR("Fn::Sub makes too long a text"), NULL));
    done(&t);

    buf_reset(&text);
    buf_add_z(&text, "Parameters: {L: {Type: CommaDelimitedList, Default: '");
    for (size_t i = 0; i < 2000; i++) {
        buf_add_z(&text, ",");
    }
    buf_add_z(&text, "'}}\nResources: {R: {Type: T, Properties: {V: [");
    for (size_t i = 0; i < 60; i++) {
        buf_add_z(&text, "!Ref L, ");
    }
    buf_add_z(&text, "]}}}\n");
    t = resolve(buf_str(&text), &good);
    CHECK(!good);
    CHECK(errors.count > 0);
    CHECK(str_find(str_of(errors.items[0].text), STR("more than 100000 values"), NULL));
    done(&t);

    buf_reset(&text);
    buf_add_z(&text, "Resources:\n");
    for (int i = 0; i < 3000; i++) {
        buf_addf(&text, "  R%d: {Type: T, DependsOn: R%d}\n", i, i + 1);
    }
    buf_add_z(&text, "  R3000: {Type: T}\n");
    t = resolve(buf_str(&text), &good);
    CHECK(!good);
    CHECK(str_find(str_of(errors.items[0].text), STR("over more than 1024 levels"), NULL));
    done(&t);
}

TEST_MAIN
