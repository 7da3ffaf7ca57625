/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_find.h"

#include "base/limits.h"
#include "base/table.h"
#include "webhook/aws_target.h"

struct finding {
    struct aws_values *values;
    const struct remote_find *find;
    struct table names; /* a page may come twice */
    struct data_map *ret;
    struct err err; /* why it was stopped */
};

static void finding_done(struct finding *finding)
{
    table_done(&finding->names);
}

/* False: it is not wanted, or `finding->err` says why there is no going on. */
static bool is_wanted(struct finding *finding, struct str_view name)
{
    bool matches = true;
    if (finding->find->name &&
        !regex_matches(finding->find->name, name, NULL, &matches, &finding->err)) {
        (void)err_wrap(&finding->err, "find.name.regexp");
        return false;
    }
    return matches;
}

/* Whether to go on. */
static bool note_name(struct finding *finding, struct str_view name)
{
    aws_values_note(finding->values, true);
    if (!is_wanted(finding, name)) {
        return finding->err.kind == ERR_NONE;
    }
    if (finding->names.count == LIMIT_FIND_SECRETS && !table_get(&finding->names, name)) {
        return err_set(&finding->err, ERR_TOO_BIG, "find matches more than %d remote secrets",
                       LIMIT_FIND_SECRETS);
    }
    table_put(&finding->names, name, finding);
    return true;
}

static bool note_secret(void *context, const struct sm_description *description)
{
    return note_name(context, description->name);
}

static bool note_parameter(void *context, struct str_view name)
{
    return note_name(context, name);
}

/* Parameters come with their values. */
static bool take_parameter(void *context, struct str_view name, struct remote_value *value)
{
    struct finding *finding = context;
    bool known = table_get(&finding->names, name) != NULL;
    if (!note_name(finding, name)) {
        return false;
    }
    if (!known && table_get(&finding->names, name)) {
        finding->values->bytes += value->string.bytes.len;
        data_map_put(finding->ret, name, &value->string);
    }
    return finding->values->bytes <= LIMIT_REMOTE_BYTES ||
           err_set(&finding->err, ERR_TOO_BIG, "its remote values are over the limit of %d bytes",
                   LIMIT_REMOTE_BYTES);
}

/* The names found, by their values. */
static bool read_names(struct finding *finding, struct err *err)
{
    size_t count = 0;
    size_t position = 0;
    struct str_view name;
    void *ignored = NULL;
    CLEANUP(mem_free_ptr)
    struct remote_read *reads = mem_alloc_array(finding->names.count, sizeof *reads);
    while (table_next(&finding->names, &position, &name, &ignored)) {
        reads[count++] = (struct remote_read){.key = name, .prefer_binary = true, .may_miss = true};
    }
    finding->values->whole_names = true;
    bool read = aws_values_read(finding->values, reads, count, err);
    for (size_t i = 0; i < count; i++) {
        if (read && !reads[i].missing) {
            data_map_put(finding->ret, reads[i].key, &reads[i].value);
        }
        secret_buf_done(&reads[i].value);
    }
    return read;
}

static struct sm_tag *make_tags(const struct remote_find *find)
{
    struct sm_tag *tags = mem_alloc_array(find->tag_count, sizeof *tags);
    for (size_t i = 0; i < find->tag_count; i++) {
        tags[i] = (struct sm_tag){find->tags[i].key, find->tags[i].value};
    }
    return tags;
}

/* Why a list was not read to its end: because somebody said so, or because the call failed. */
static bool end_list(struct finding *finding, bool read, const struct service_error *error,
                     struct err *err)
{
    aws_values_note(finding->values, error->status != 0);
    if (finding->err.kind != ERR_NONE) {
        *err = finding->err;
        return false;
    }
    /* A store that has answered is not silent, however long its list is. */
    if (!read && err->kind == ERR_TIMEOUT && finding->values->contact == REMOTE_ANSWERED) {
        err->kind = ERR_BUSY;
    }
    return read;
}

static bool find_secrets(struct finding *finding, const struct service_target *target,
                         struct err *err)
{
    CLEANUP(mem_free_ptr) struct sm_tag *tags = make_tags(finding->find);
    struct service_error error = {0};
    const struct sm_list list = {
        .name_prefix = finding->find->path,
        .tags = tags,
        .tag_count = finding->find->tag_count,
        .max_pages = LIMIT_FIND_PAGES,
    };
    bool read = sm_list_secrets(target, &list, note_secret, finding, &error, err);
    return end_list(finding, read, &error, err) && read_names(finding, err);
}

static bool describe_parameters(struct finding *finding, const struct service_target *target,
                                struct err *err)
{
    bool by_tags = !finding->find->name;
    CLEANUP(mem_free_ptr) struct sm_tag *tags = make_tags(finding->find);
    struct service_error error = {0};
    const struct ssm_list list = {
        .path = finding->find->path,
        .tags = tags,
        .tag_count = by_tags ? finding->find->tag_count : 0,
        .max_pages = LIMIT_FIND_PAGES,
    };
    bool read = ssm_describe_parameters(target, &list, note_parameter, finding, &error, err);
    return end_list(finding, read, &error, err) && read_names(finding, err);
}

/* Who may not read by path may still describe, and read by name. */
static bool find_parameters(struct finding *finding, const struct service_target *target,
                            struct err *err)
{
    struct service_error error = {0};
    struct str_view path = finding->find->path.len > 0 ? finding->find->path : SV("/");
    if (!finding->find->name) {
        return describe_parameters(finding, target, err);
    }
    bool read = ssm_get_parameters_by_path(target, path, LIMIT_FIND_PAGES, take_parameter, finding,
                                           &error, err);
    if (read || finding->err.kind != ERR_NONE || error.class != SERVICE_DENIED) {
        return end_list(finding, read, &error, err);
    }
    aws_values_note(finding->values, true);
    return describe_parameters(finding, target, err);
}

bool aws_find(struct aws_values *values, const struct remote_find *find, struct data_map *ret,
              struct err *err)
{
    CLEANUP(finding_done) struct finding finding = {.values = values, .find = find, .ret = ret};
    struct aws_target target;
    table_init(&finding.names, NULL);
    if (!find->name && find->tag_count == 0) {
        return err_set(err, ERR_INVALID, "find has neither a name nor tags: give one of them");
    }
    if (!aws_target_find(values->clients, values->request, &values->identity, &target, err)) {
        return false;
    }
    return values->request->store->provider == PROVIDER_AWS_PARAMETER_STORE
               ? find_parameters(&finding, &target.service, err)
               : find_secrets(&finding, &target.service, err);
}
