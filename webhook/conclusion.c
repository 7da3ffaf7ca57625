/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/conclusion.h"

#include "externalsecret/due.h"
#include "webhook/departure.h"
#include "webhook/status_writer.h"

/* ConfigMaps are not watched, and Secrets only as targets: what such a template says may change
 * without a word. */
static bool takes_templates(const struct external_secret *external_secret)
{
    const struct external_secret_template *template = &external_secret->template;
    for (size_t i = 0; i < template->from_count; i++) {
        if (template->from[i].kind == TEMPLATE_FROM_CONFIG_MAP ||
            template->from[i].kind == TEMPLATE_FROM_SECRET) {
            return true;
        }
    }
    return false;
}

/* What the operator does not try again, and what is somebody else's. A deletion that is refused by
 * creationPolicy is a mistake of the spec; one that the API server refuses may pass. */
static bool is_final(const struct external_secret *external_secret, enum status_end end,
                     const struct run_result *run)
{
    return (end == STATUS_REFUSED && !takes_templates(external_secret)) ||
           end == STATUS_IMMUTABLE || run->outcome == RECONCILE_FOREIGN ||
           (end == STATUS_NOT_DELETED && run->err.kind == ERR_INVALID);
}

/* Its target has another name only when its spec is another than the one carried out before. Where
 * no status says which that was, the Secret may have been written and its status not. */
static bool may_have_orphans(const struct external_secret *external_secret)
{
    struct str_view before = external_secret->status.synced_version;
    return external_secret->creation_policy == CREATION_OWNER && external_secret->generation > 1 &&
           due_version_generation(before) != external_secret->generation;
}

static void delete_orphans(const struct conclusion_input *input, struct conclusion *ret)
{
    if (status_is_ready(ret->end) && may_have_orphans(input->external_secret) &&
        !departure_delete_orphans(input->client, input->external_secret, input->deadline_ms,
                                  &ret->orphans_deleted, &ret->orphans_err)) {
        ret->end = STATUS_ORPHANS_NOT_DELETED;
    }
}

static void write_status(const struct conclusion_input *input, struct conclusion *ret)
{
    const struct external_secret *external_secret = input->external_secret;
    const struct clock *clock = input->client->clock;
    const struct status_change change = {
        .end = ret->end,
        .now_ms = clock_wall_ms(clock),
        .start_ms = input->start_ms,
        .version = sv_of(external_secret->version),
        .target = input->run->bound ? external_secret->target : SV(""),
        .why = ret->end == STATUS_REFUSED ? sv_of(input->run->err.message) : SV(""),
    };
    ret->written =
        status_write(input->client, external_secret, &change, input->deadline_ms, &ret->err);
    /* What no status says does not outlive this process. */
    if (!ret->written && ret->err.kind != ERR_MISSING) {
        ret->failed = true;
        ret->final = false;
    }
}

static void tell(const struct conclusion_input *input, const struct conclusion *conclusion)
{
    const struct external_secret *external_secret = input->external_secret;
    if (!conclusion->written && conclusion->err.kind != ERR_MISSING) {
        outcomes_log_failure(input->outcomes, "status not written", external_secret,
                             &conclusion->err);
    }
    if (conclusion->end == STATUS_ORPHANS_NOT_DELETED) {
        outcomes_failed(input->outcomes, "orphans not deleted", external_secret,
                        &conclusion->orphans_err);
    }
    if (conclusion->orphans_deleted > 0) {
        outcomes_event(input->outcomes, external_secret, "Deleted",
                       SV("Secrets of an earlier target deleted"));
    }
}

void conclude(const struct conclusion_input *input, struct conclusion *ret)
{
    *ret = (struct conclusion){.end = input->run->end, .written = input->silent};
    if (!input->silent) {
        delete_orphans(input, ret);
    }
    ret->failed = !status_is_ready(ret->end);
    ret->final = is_final(input->external_secret, ret->end, input->run);
    if (!input->silent) {
        write_status(input, ret);
        tell(input, ret);
    }
}
