/* SPDX-License-Identifier: Apache-2.0
 * The templates of a build: each is parsed and resolved with the parameters that it declares, under
 * a stack name of its own. */
#include "template/build_int.h"

#include "base/mem.h"

struct str
template_stack_name(struct str file)
{
    size_t at;
    if (str_rfind_char(file, '/', &at)) {
        file = str_sub(file, at + 1, file.n);
    }
    if (str_rfind_char(file, '.', &at) && at > 0) {
        file = str_sub(file, 0, at);
    }
    return file;
}

/* The given parameters that this template declares. With one template it gets all: its own refusal
 * of an unknown one says more. */
struct parameters {
    struct str *names; /* in the model's memory */
    struct str *values;
    size_t count;
};

static struct parameters
parameters_of(struct stack *s)
{
    struct build *b = s->build;
    const struct build_env *env = b->env;
    struct parameters p = {
        .names = model_alloc(b->model, env->parameter_count * sizeof(*p.names)),
        .values = model_alloc(b->model, env->parameter_count * sizeof(*p.values)),
    };
    for (size_t i = 0; i < env->parameter_count; i++) {
        if (b->stack_count == 1 || tree_has_parameter(s->tree, env->parameter_names[i])) {
            p.names[p.count] = env->parameter_names[i];
            p.values[p.count++] = env->parameter_values[i];
        }
    }
    return p;
}

static void
stack_resolve(struct stack *s)
{
    struct build *b = s->build;
    struct model *m = b->model;
    const struct build_env *env = b->env;
    const struct parameters parameters = parameters_of(s);
    struct str id =
        env->resource_id(env->context, s->source->stack, STR("AWS::StackId"), STR("uuid"));
    const struct resolve_env resolve = {
        .account = m->account,
        .region = m->region,
        .partition = STR("aws"),
        .url_suffix = STR("amazonaws.com"),
        .stack_name = s->source->stack,
        .stack_id =
            model_printf(m, "arn:aws:cloudformation:%.*s:%.*s:stack/%.*s/%.*s", STR_ARG(m->region),
                         STR_ARG(m->account), STR_ARG(s->source->stack), STR_ARG(id)),
        .parameter_names = parameters.names,
        .parameter_values = parameters.values,
        .parameter_count = parameters.count,
        .resource_value = identity_value,
        .context = s,
    };
    if (!tree_resolve(s->tree, &resolve, b->errors)) {
        b->doubtful = true;
    }
}

static void
stack_read(struct build *b, struct stack *s, const struct template_source *source)
{
    char *file = xstrdup_str(source->file);
    s->build = b;
    s->source = source;
    s->tree = tree_parse(source->text, file, b->errors);
    xfree(file);
    if (s->tree == NULL) {
        b->doubtful = true;
        return;
    }
    stack_resolve(s);
}

static void
parameters_check(struct build *b)
{
    if (b->stack_count == 1) {
        return; /* it got all and says more, see struct parameters */
    }
    for (size_t i = 0; i < b->env->parameter_count; i++) {
        struct str name = b->env->parameter_names[i];
        bool known = false;
        for (size_t k = 0; k < b->stack_count; k++) {
            known =
                known || b->stacks[k].tree == NULL || tree_has_parameter(b->stacks[k].tree, name);
        }
        if (!known) {
            template_error_at(b->errors, b->stacks[0].source->file, 1, 1,
                              "parameter '%.*s' is given a value and no template declares it",
                              STR_ARG(name));
        }
    }
}

/* Ids are kept under the stack's name. */
static void
stack_names_check(struct build *b)
{
    for (size_t i = 1; i < b->stack_count; i++) {
        const struct template_source *s = b->stacks[i].source;
        for (size_t k = 0; k < i; k++) {
            if (str_eq(b->stacks[k].source->stack, s->stack)) {
                template_error_at(b->errors, s->file, 1, 1,
                                  "stack name '%.*s' is used by '%.*s' already", STR_ARG(s->stack),
                                  STR_ARG(b->stacks[k].source->file));
                break;
            }
        }
    }
}

void
stacks_read(struct build *b, const struct template_source *sources, size_t count)
{
    b->stacks = xalloc(count * sizeof(*b->stacks));
    b->stack_count = count;
    for (size_t i = 0; i < count; i++) {
        stack_read(b, &b->stacks[i], &sources[i]);
    }
    if (count > 1) {
        parameters_check(b);
        stack_names_check(b);
    }
}
