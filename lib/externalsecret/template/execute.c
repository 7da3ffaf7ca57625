/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the tree that writes as it goes. Go's executor works on reflect.Values, of which two
 * kinds of nothing matter: a nil that an interface{} holds (VALUE_NIL) and no value at all
 * (VALUE_ABSENT). A pipeline makes the second of the first. */
#include "base/limits.h"
#include "externalsecret/template/node.h"
#include "externalsecret/template/template.h"

struct variable {
    struct str_view name;
    struct value value;
};

struct run {
    const struct template *template;
    struct template_arena *arena;
    struct secret_buf *out;
    struct err *err;
    bool missing_is_error;
    size_t at; /* of what is being evaluated */
    int depth;
    struct variable *variables;
    size_t variable_base; /* of the template that runs; none below can be seen */
    size_t variable_count;
    size_t variable_capacity;
};

/* How the walk over a list ended. */
enum flow {
    FLOW_ON,
    FLOW_BREAK,
    FLOW_CONTINUE,
    FLOW_FAILED,
};

static void run_done(struct run *run)
{
    explicit_bzero(run->variables, run->variable_capacity * sizeof *run->variables);
    free(run->variables);
    template_arena_free(run->arena);
}

/* Says where; false. */
static bool locate(struct run *run)
{
    return template_wrap(run->template, run->at, run->err);
}

static bool fail(struct run *run, const char *what)
{
    (void)err_set(run->err, ERR_INVALID, "%s", what);
    return locate(run);
}

static bool fail_type(struct run *run, const char *what, const struct value *value)
{
    (void)err_set(run->err, ERR_INVALID, "%s %s", what, value_type_name(value));
    return locate(run);
}

static bool step(struct run *run, size_t count)
{
    return template_arena_step(run->arena, count, run->err) || locate(run);
}

static struct variable *find_variable(struct run *run, struct str_view name)
{
    for (size_t i = run->variable_count; i > run->variable_base; i--) {
        if (sv_equal(run->variables[i - 1].name, name)) {
            return &run->variables[i - 1];
        }
    }
    return NULL;
}

static bool push_variable(struct run *run, struct str_view name, struct value value)
{
    if (run->variable_count - run->variable_base > LIMIT_TEMPLATE_VARIABLES) {
        (void)err_set(run->err, ERR_TOO_BIG, "too many variables");
        return locate(run);
    }
    if (run->variable_count == run->variable_capacity) {
        run->variable_capacity = run->variable_capacity ? 2 * run->variable_capacity : 8;
        run->variables =
            mem_resize_array(run->variables, run->variable_capacity, sizeof *run->variables);
    }
    run->variables[run->variable_count++] = (struct variable){.name = name, .value = value};
    return true;
}

static bool set_variable(struct run *run, struct str_view name, struct value value)
{
    struct variable *variable = find_variable(run, name);
    if (!variable) {
        return fail(run, "a variable that is not defined");
    }
    variable->value = value;
    return true;
}

static bool get_variable(struct run *run, struct str_view name, struct value *ret)
{
    const struct variable *variable = find_variable(run, name);
    if (!variable) {
        return fail(run, "a variable that is not defined");
    }
    *ret = variable->value;
    return true;
}

static bool get_field(struct run *run, struct str_view name, struct value *value)
{
    if (value->kind == VALUE_ABSENT) {
        return !run->missing_is_error || fail(run, "a field of no value");
    }
    if (!value_is_dict(value)) {
        return fail_type(run, "no fields has a value of type", value);
    }
    const struct value *member = value_dict_get(value->dict, name);
    if (!member && run->missing_is_error) {
        return fail(run, "the map has no such key");
    }
    *value = member ? *member : (struct value){0};
    return true;
}

static bool get_fields(struct run *run, const struct field *field, struct value *value)
{
    for (; field; field = field->next) {
        if (!get_field(run, field->name, value)) {
            return false;
        }
    }
    return true;
}

static bool eval_pipe(struct run *run, const struct value *dot, const struct pipe *pipe,
                      struct value *ret);
static bool eval_call(struct run *run, const struct value *dot, const struct command *command,
                      const struct value *final, struct value *ret);

/* Without the fields. `command` has the arguments of a function. */
static bool eval_root(struct run *run, const struct value *dot, const struct term *term,
                      const struct command *command, const struct value *final, struct value *ret)
{
    switch (term->type) {
    case TERM_CONSTANT:
        *ret = term->constant;
        return true;
    case TERM_TOO_LARGE:
        return fail(run, "an integer that is too large");
    case TERM_NIL:
        *ret = value_nil();
        return true;
    case TERM_DOT:
    case TERM_FIELD:
        *ret = *dot;
        return true;
    case TERM_VARIABLE:
        return get_variable(run, term->variable, ret);
    case TERM_FUNCTION:
    case TERM_AND:
    case TERM_OR:
        return eval_call(run, dot, command, final, ret);
    case TERM_PIPE:
        return eval_pipe(run, dot, term->pipe, ret);
    }
    return false;
}

static bool eval_argument(struct run *run, const struct value *dot, const struct term *term,
                          struct value *ret)
{
    /* A function among the arguments gets none itself. */
    const struct command alone = {.terms = (struct term *)term};
    run->at = term->at;
    return eval_root(run, dot, term, &alone, NULL, ret) && get_fields(run, term->fields, ret);
}

static bool is_logic(const struct term *term)
{
    return term->type == TERM_AND || term->type == TERM_OR;
}

static bool check_count(struct run *run, const struct term *term, size_t count)
{
    const struct template_function *function = term->function;
    if (count >= function->min_args &&
        (function->max_args == TEMPLATE_ANY_COUNT || count <= function->max_args)) {
        return true;
    }
    (void)err_set(run->err, ERR_INVALID, "%s: wrong number of arguments, %zu", function->name,
                  count);
    return locate(run);
}

/* and, or: the first operand that decides, or the last; those behind it are not evaluated. */
static bool eval_logic(struct run *run, const struct value *dot, const struct command *command,
                       const struct value *final, struct value *ret)
{
    const struct term *term = command->terms;
    bool decides = term->type == TERM_OR;
    const struct term *argument = command->argument_count ? term->next : NULL;
    for (; argument; argument = argument->next) {
        if (!eval_argument(run, dot, argument, ret)) {
            return false;
        }
        if (value_is_true(ret) == decides) {
            return true;
        }
    }
    if (final) {
        *ret = *final;
    }
    return true;
}

static bool eval_arguments(struct run *run, const struct value *dot, const struct command *command,
                           const struct value *final, struct value *args)
{
    size_t count = 0;
    const struct term *argument = command->argument_count ? command->terms->next : NULL;
    for (; argument; argument = argument->next) {
        if (!eval_argument(run, dot, argument, &args[count++])) {
            return false;
        }
    }
    if (final) {
        args[count++] = *final;
    }
    /* An interface{} parameter makes a nil of no value. */
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind == VALUE_ABSENT) {
            args[i] = value_nil();
        }
    }
    return true;
}

enum {
    TEXT_BYTES_A_STEP = 64,
};

/* Whatever a function does with its texts, it may have to look at all of them. */
static size_t texts_steps(const struct value *args, size_t count)
{
    size_t steps = 0;
    for (size_t i = 0; i < count; i++) {
        steps += args[i].kind == VALUE_STRING ? args[i].text.len / TEXT_BYTES_A_STEP : 0;
    }
    return steps;
}

static bool eval_call(struct run *run, const struct value *dot, const struct command *command,
                      const struct value *final, struct value *ret)
{
    const struct term *term = command->terms;
    const struct template_function *function = term->function;
    size_t count = command->argument_count + (final ? 1 : 0);
    if (!check_count(run, term, count)) {
        return false;
    }
    if (is_logic(term)) {
        return eval_logic(run, dot, command, final, ret);
    }
    struct value *args = template_arena_take(run->arena, count * sizeof *args, run->err);
    if (!args) {
        return locate(run);
    }
    if (!step(run, 1) || !eval_arguments(run, dot, command, final, args)) {
        return false;
    }
    run->at = term->at;
    if (!step(run, texts_steps(args, count))) {
        return false;
    }
    if (!function->call(run->arena, args, count, ret, run->err)) {
        (void)err_wrap(run->err, "%s", function->name);
        return locate(run);
    }
    return true;
}

static bool is_function(const struct term *term)
{
    return term->type == TERM_FUNCTION || is_logic(term);
}

/* `final` is the value of the command before the '|', or NULL. */
static bool eval_command(struct run *run, const struct value *dot, const struct command *command,
                         const struct value *final, struct value *ret)
{
    const struct term *term = command->terms;
    run->at = term->at;
    if (is_function(term) && !term->fields) {
        return eval_call(run, dot, command, final, ret);
    }
    if (command->argument_count > 0 || final) {
        return fail(run, "arguments for something that is no function");
    }
    if (term->type == TERM_NIL) {
        return fail(run, "nil is no command");
    }
    return eval_argument(run, dot, term, ret);
}

static bool bind(struct run *run, const struct pipe *pipe, struct value value)
{
    for (size_t i = 0; i < pipe->variable_count; i++) {
        bool bound = pipe->assigns ? set_variable(run, pipe->variables[i], value)
                                   : push_variable(run, pipe->variables[i], value);
        if (!bound) {
            return false;
        }
    }
    return true;
}

static bool eval_pipe(struct run *run, const struct value *dot, const struct pipe *pipe,
                      struct value *ret)
{
    struct value value = {0};
    for (const struct command *command = pipe->commands; command; command = command->next) {
        struct value before = value;
        const struct value *final = command == pipe->commands ? NULL : &before;
        if (!eval_command(run, dot, command, final, &value)) {
            return false;
        }
        if (value.kind == VALUE_NIL) {
            value.kind = VALUE_ABSENT;
        }
    }
    *ret = value;
    return bind(run, pipe, value);
}

static enum flow walk(struct run *run, const struct value *dot, const struct node *list);

static bool enter(struct run *run)
{
    if (run->depth == LIMIT_TEMPLATE_WALK) {
        (void)err_set(run->err, ERR_TOO_BIG,
                      "more than %d templates and control structures inside each other",
                      LIMIT_TEMPLATE_WALK);
        return locate(run);
    }
    run->depth++;
    return true;
}

/* What stands for "else if" and "else with". */
static bool is_link(const struct node *list)
{
    return list && !list->next && (list->type == NODE_IF || list->type == NODE_WITH);
}

/* The chain of an if or with, without recursion. */
static enum flow walk_chain(struct run *run, const struct value *dot, const struct node *node)
{
    for (;;) {
        struct value value = {0};
        run->at = node->at;
        if (!step(run, 1) || !eval_pipe(run, dot, node->pipe, &value)) {
            return FLOW_FAILED;
        }
        if (value_is_true(&value)) {
            return walk(run, node->type == NODE_WITH ? &value : dot, node->body);
        }
        if (!is_link(node->otherwise)) {
            return walk(run, dot, node->otherwise);
        }
        node = node->otherwise;
    }
}

static void set_top(struct run *run, size_t below, struct value value)
{
    run->variables[run->variable_count - below].value = value;
}

static bool bind_turn(struct run *run, const struct pipe *pipe, struct value key,
                      struct value element)
{
    bool both = pipe->variable_count > 1;
    if (pipe->variable_count == 0) {
        return true;
    }
    if (pipe->assigns) {
        return set_variable(run, pipe->variables[0], both ? key : element) &&
               (!both || set_variable(run, pipe->variables[1], element));
    }
    set_top(run, 1, element);
    if (both) {
        set_top(run, 2, key);
    }
    return true;
}

static enum flow walk_turn(struct run *run, const struct node *node, struct value key,
                           struct value element)
{
    size_t count = run->variable_count;
    run->at = node->at;
    if (!step(run, 1) || !bind_turn(run, node->pipe, key, element)) {
        return FLOW_FAILED;
    }
    enum flow flow = walk(run, &element, node->body);
    run->variable_count = count;
    return flow == FLOW_CONTINUE ? FLOW_ON : flow;
}

static enum flow walk_numbers(struct run *run, const struct node *node, struct value number)
{
    enum flow flow = FLOW_ON;
    struct value element = number;
    for (int64_t i = 0; i < number.integer && flow == FLOW_ON; i++) {
        element.integer = i;
        flow = walk_turn(run, node, (struct value){0}, element);
    }
    return flow;
}

static enum flow walk_items(struct run *run, const struct node *node, const struct value_list *list)
{
    enum flow flow = FLOW_ON;
    for (size_t i = 0; i < list->count && flow == FLOW_ON; i++) {
        flow = walk_turn(run, node, value_int((int64_t)i), list->items[i]);
    }
    return flow;
}

/* Over a copy: the body may change the map, which then does not matter any more. */
static enum flow walk_members(struct run *run, const struct node *node,
                              const struct value_dict *dict)
{
    size_t count = dict->count;
    struct value_member *members =
        template_arena_take(run->arena, count * sizeof *members, run->err);
    if (!members) {
        (void)locate(run);
        return FLOW_FAILED;
    }
    memcpy(members, dict->members, count * sizeof *members);
    enum flow flow = FLOW_ON;
    for (size_t i = 0; i < count && flow == FLOW_ON; i++) {
        flow = walk_turn(run, node, value_text(members[i].key), members[i].value);
    }
    return flow;
}

/* Whether there is anything to range over at all. */
static bool check_range(struct run *run, const struct node *node, const struct value *value)
{
    run->at = node->at;
    if (value_is_integer(value) && node->pipe->variable_count > 1) {
        return fail(run, "range over a number has one variable at most");
    }
    if (value->kind == VALUE_BOOL || value->kind == VALUE_FLOAT || value->kind == VALUE_STRING) {
        return fail_type(run, "range cannot go over a", value);
    }
    return true;
}

static bool is_empty(const struct value *value)
{
    return !value_is_true(value) || (value_is_integer(value) && value->integer < 0);
}

static enum flow walk_range(struct run *run, const struct value *dot, const struct node *node)
{
    struct value value = {0};
    run->at = node->at;
    if (!eval_pipe(run, dot, node->pipe, &value) || !check_range(run, node, &value)) {
        return FLOW_FAILED;
    }
    if (is_empty(&value)) {
        return walk(run, dot, node->otherwise);
    }
    enum flow flow = value_is_integer(&value) ? walk_numbers(run, node, value)
                     : value_is_list(&value)  ? walk_items(run, node, value.list)
                                              : walk_members(run, node, value.dict);
    return flow == FLOW_BREAK ? FLOW_ON : flow;
}

static enum flow walk_control(struct run *run, const struct value *dot, const struct node *node)
{
    size_t count = run->variable_count;
    if (!enter(run)) {
        return FLOW_FAILED;
    }
    enum flow flow =
        node->type == NODE_RANGE ? walk_range(run, dot, node) : walk_chain(run, dot, node);
    run->depth--;
    run->variable_count = count;
    return flow;
}

/* The template that is called sees its own $ and no variable of the caller's. */
static enum flow walk_template(struct run *run, const struct value *dot, const struct node *node)
{
    struct value argument = {0};
    if (!node->definition) {
        (void)fail(run, "a template that is not defined");
        return FLOW_FAILED;
    }
    if (!enter(run) || (node->pipe && !eval_pipe(run, dot, node->pipe, &argument))) {
        return FLOW_FAILED;
    }
    size_t base = run->variable_base;
    size_t count = run->variable_count;
    run->variable_base = count;
    if (!push_variable(run, SV("$"), argument)) {
        return FLOW_FAILED;
    }
    enum flow flow = walk(run, &argument, node->definition->body);
    run->variable_base = base;
    run->variable_count = count;
    run->depth--;
    return flow;
}

static bool check_output(struct run *run)
{
    return !run->out->bytes.failed ||
           secret_buf_check(run->out, "what the template renders", run->err) || locate(run);
}

static enum flow walk_action(struct run *run, const struct value *dot, const struct node *node)
{
    struct value value = {0};
    if (!eval_pipe(run, dot, node->pipe, &value)) {
        return FLOW_FAILED;
    }
    if (node->pipe->variable_count == 0) {
        value_print(&value, run->out);
    }
    return check_output(run) ? FLOW_ON : FLOW_FAILED;
}

static enum flow walk_node(struct run *run, const struct value *dot, const struct node *node)
{
    run->at = node->at;
    if (!step(run, 1)) {
        return FLOW_FAILED;
    }
    switch (node->type) {
    case NODE_TEXT:
        secret_buf_add(run->out, node->text);
        return check_output(run) ? FLOW_ON : FLOW_FAILED;
    case NODE_ACTION:
        return walk_action(run, dot, node);
    case NODE_IF:
    case NODE_WITH:
    case NODE_RANGE:
        return walk_control(run, dot, node);
    case NODE_TEMPLATE:
        return walk_template(run, dot, node);
    case NODE_BREAK:
        return FLOW_BREAK;
    case NODE_CONTINUE:
        return FLOW_CONTINUE;
    }
    return FLOW_FAILED;
}

static enum flow walk(struct run *run, const struct value *dot, const struct node *list)
{
    enum flow flow = FLOW_ON;
    for (; list && flow == FLOW_ON; list = list->next) {
        flow = walk_node(run, dot, list);
    }
    return flow;
}

static bool execute(struct run *run, const struct value *dot)
{
    return push_variable(run, SV("$"), *dot) && walk(run, dot, run->template->body) == FLOW_ON;
}

static bool make_dot(struct run *run, const struct data_map *data, struct value *ret)
{
    if (!value_dict_make(run->arena, VALUE_STRING_DICT, data->count, ret, run->err)) {
        return false;
    }
    /* Sorted already. */
    for (size_t i = 0; i < data->count; i++) {
        ret->dict->members[i] = (struct value_member){
            .key = data->entries[i].key,
            .value = value_text(secret_buf_view(&data->entries[i].value)),
        };
    }
    ret->dict->count = data->count;
    return true;
}

bool template_render(const struct template *template, const struct data_map *data,
                     struct effort *effort, struct secret_buf *ret, struct err *err)
{
    struct run run CLEANUP(run_done) = {
        .template = template,
        .arena = template_arena_new(effort),
        .out = ret,
        .err = err,
        .missing_is_error = true,
    };
    struct value dot = {0};
    return make_dot(&run, data, &dot) && execute(&run, &dot);
}

bool template_render_key(const struct template *template, struct str_view key,
                         struct effort *effort, struct secret_buf *ret, struct err *err)
{
    struct run run CLEANUP(run_done) = {
        .template = template,
        .arena = template_arena_new(effort),
        .out = ret,
        .err = err,
    };
    struct value dot = {0};
    return value_dict_make(run.arena, VALUE_STRING_DICT, 1, &dot, err) &&
           value_dict_put(run.arena, dot.dict, SV("value"), value_text(key), err) &&
           execute(&run, &dot);
}
