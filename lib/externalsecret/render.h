/* SPDX-License-Identifier: Apache-2.0 */
/* From the fetched data to what the Secret gets: data, labels and annotations, through the
 * templates of spec.target.template where there is one (external-secrets.md §5.1 (4, 5), §6.1,
 * §6.2). One thread at a time. */
#ifndef EXTERNALSECRET_RENDER_H
#define EXTERNALSECRET_RENDER_H

#include "externalsecret/data.h"
#include "externalsecret/template/template.h"
#include "objects/external_secret.h"

/* Where templateFrom finds ConfigMaps and Secrets, as an interface: implemented over lib/kube.
 * Called from worker threads, several at once. */
struct template_source {
    /* All of its data, to be added to `ret`. ERR_MISSING: there is no such object. The message
     * names the object and holds nothing of it. */
    bool (*read)(void *context, enum template_from_kind kind, struct str_view namespace,
                 struct str_view name, int64_t deadline_ms, struct data_map *ret, struct err *err);
    void *context;
};

struct render_input {
    const struct external_secret *external_secret;
    const struct data_map *fetched;
    const struct template_source *source; /* NULL: ConfigMaps and Secrets cannot be read */
    int64_t deadline_ms;
};

/* Zeroed is empty. Labels and annotations may hold what was fetched, so they are secret as well. */
struct rendered {
    struct data_map data; /* without what a Secret that is merged into has besides */
    struct data_map labels;
    struct data_map annotations;
};

void rendered_done(struct rendered *rendered);

/* Without a template: the fetched data, and the ExternalSecret's own labels and annotations. With
 * one: the fetched data if it says Merge or templates no data; then templateFrom in order, data,
 * labels, annotations, later keys replace earlier ones.
 *
 * FOREIGN and BROKEN as in template_parse(), of texts that were read; BROKEN also for every failure
 * to read or to render, with the error's own kind: ERR_INVALID names the field and the place in it,
 * ERR_MISSING the object or the key that does not exist, ERR_DENIED a type of Secret that may not
 * be made from templates, ERR_TOO_BIG the field at which all texts together were over
 * LIMIT_EFFORT_STEPS or rendered more than LIMIT_REMOTE_BYTES. `ret` is to be thrown away then. */
enum template_verdict render(const struct render_input *input, struct rendered *ret,
                             struct err *err);

#endif
