/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gate_rules.h"

/* Shortly after the start whether one does is not known yet; if it never is, nobody does. */
static bool may_be_described(const struct gate_input *input, const struct secret_ref *ref)
{
    const struct fact *fact = facts_find(input->facts, ref->secret);
    enum presence described = fact ? fact->described : PRESENCE_ABSENT;
    return described == PRESENCE_PRESENT ||
           (described == PRESENCE_UNKNOWN && input->now_ms < input->not_before_ms);
}

static bool holds(const struct gate_input *input, const struct secret_ref *ref)
{
    if (ref->csi_may_sync || facts_presence(input->facts, ref) != PRESENCE_ABSENT) {
        return false;
    }
    /* kubelet does not wait for an optional reference, so it is held where somebody makes it. */
    return ref->required || (ref->optional && may_be_described(input, ref));
}

static void find_missing(const struct gate_input *input, struct gate_judgement *ret)
{
    const struct secret_ref_list *refs = &input->pod->refs;
    for (size_t i = 0; i < refs->count; i++) {
        const struct secret_ref *ref = &refs->items[i];
        if (!holds(input, ref)) {
            continue;
        }
        const struct fact *fact = facts_find(input->facts, ref->secret);
        ret->described |= fact && fact->described == PRESENCE_PRESENT;
        if (!ret->missing) {
            ret->missing = ref;
        }
    }
}

static bool gate_is_wanted(const struct gate_input *input)
{
    const struct pod *pod = input->pod;
    return !pod->hold_off && !pod->mirror && !pod->critical && input->rules->mode == MODE_ENFORCE &&
           input->rules->on_missing == ON_MISSING_HOLD;
}

/* The stamp of a Pod whose references are all known; nothing otherwise. */
static void follow(const struct gate_input *input, struct gate_judgement *ret)
{
    char hash[FINGERPRINT_BYTES];
    if (fingerprint_compute(input->keys, &input->pod->refs, input->facts, hash) != FINGERPRINT_OK ||
        sv_is(input->pod->stamp, hash)) {
        return;
    }
    ret->write_stamp = true;
    memcpy(ret->stamp, hash, sizeof hash);
}

static int64_t hold_end(const struct gate_input *input, bool described)
{
    int64_t wait = described ? input->rules->hold_described_ms : input->rules->hold_undescribed_ms;
    int64_t end = input->pod->created_ms + wait;
    return end > input->not_before_ms ? end : input->not_before_ms;
}

static void release(struct gate_judgement *ret, enum gate_reason reason)
{
    ret->release = true;
    ret->reason = reason;
}

static void judge_gated(const struct gate_input *input, struct gate_judgement *ret)
{
    if (!gate_is_wanted(input)) {
        release(ret, GATE_NOT_WANTED);
        return;
    }
    /* Before the Secrets are known, absent means nothing; only time still ends the hold, so that a
     * lost permission does not hold Pods for ever. */
    if (input->synced) {
        find_missing(input, ret);
        if (!ret->missing) {
            release(ret, GATE_PRESENT);
            follow(input, ret);
            return;
        }
    }
    int64_t end = hold_end(input, ret->described || !input->synced);
    if (input->now_ms >= end) {
        release(ret, GATE_HOLD_ENDED);
    } else {
        ret->again_ms = end;
    }
}

void gate_judge(const struct gate_input *input, struct gate_judgement *ret)
{
    *ret = (struct gate_judgement){.reason = GATE_NOTHING, .again_ms = INT64_MAX};
    if (input->pod->deleting || input->pod->node.len) {
        return;
    }
    if (input->pod->gated) {
        judge_gated(input, ret);
        return;
    }
    if (input->synced && input->rules->mode != MODE_OFF) {
        follow(input, ret);
        if (ret->write_stamp) {
            ret->reason = GATE_STAMP_FOLLOWS;
        }
    }
}
