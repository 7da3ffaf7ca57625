/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/staleness.h"

/* An unstamped Pod that is older than its Secret's last write, under a template that still asks for
 * an earlier content: it started with that content, and the change was made while nobody looked.
 * Stamping it with the present hash would hide the change for ever. */
static bool started_with_marker(const struct staleness_now *now, const struct staleness_pod *pod)
{
    return now->secrets_written_ms > 0 && pod->created_ms > 0 &&
           pod->created_ms < now->secrets_written_ms &&
           fingerprint_is_known(now->keys, now->marker) && !sv_equal(now->marker, now->hash);
}

/* resourceVersions of one API server are revisions of one etcd: a Pod first seen at a higher one
 * than its Secrets' was created after they were written, so it has read them as they are. */
static bool created_after_secrets(const struct staleness_now *now, const struct staleness_pod *pod)
{
    return pod->first_seen_resource_version > 0 && now->secrets_resource_version > 0 &&
           now->secrets_resource_version < pod->first_seen_resource_version;
}

enum pod_judgement staleness_judge(const struct staleness_now *now, const struct staleness_pod *pod,
                                   struct str_view *ret_stamp)
{
    if (!fingerprint_is_known(now->keys, pod->stamp)) {
        *ret_stamp = started_with_marker(now, pod) ? now->marker : now->hash;
        return POD_ADOPT;
    }
    if (sv_equal(pod->stamp, now->hash)) {
        return POD_FRESH;
    }
    if (created_after_secrets(now, pod)) {
        *ret_stamp = now->hash;
        return POD_RESTAMP;
    }
    bool asked_for =
        sv_equal(now->marker, now->hash) || (now->wanted.len && sv_equal(now->marker, now->wanted));
    return asked_for ? POD_SUPERSEDED : POD_STALE;
}
