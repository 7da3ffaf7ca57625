/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/outcomes.h"

#include "base/limits.h"

void outcomes_init(struct outcomes *outcomes, const struct log *log, struct reporter *reporter,
                   struct metrics *metrics)
{
    static const char *const labels[] = {"outcome", NULL};
    *outcomes = (struct outcomes){
        .log = log,
        .reporter = reporter,
        .carried_out = metrics_counter(metrics, "keyturn_externalsecrets_total",
                                       "ExternalSecrets carried out, by outcome.", labels),
    };
}

static void log_outcome(const struct outcomes *outcomes,
                        const struct external_secret *external_secret,
                        enum reconcile_outcome outcome, const struct err *err)
{
    struct log_line line = log_begin(
        outcomes->log, reconcile_succeeded(outcome) ? LOG_INFO : LOG_WARN, "externalsecret");
    log_str(&line, "namespace", external_secret->namespace);
    log_str(&line, "name", external_secret->name);
    log_str(&line, "target", external_secret->target);
    log_str(&line, "outcome", sv_of(reconcile_outcome_name(outcome)));
    if (!reconcile_succeeded(outcome)) {
        log_err(&line, err);
    }
    log_end(&line);
}

static void post_event(const struct outcomes *outcomes,
                       const struct external_secret *external_secret, const char *reason,
                       bool warning, struct str_view message)
{
    const struct kube_event event = {
        .api_version = "external-secrets.io/v1",
        .kind = "ExternalSecret",
        .namespace = external_secret->namespace,
        .name = external_secret->name,
        .uid = external_secret->uid,
        .warning = warning,
        .reason = reason,
        .message = message,
    };
    reporter_post_in_turn(outcomes->reporter, &event);
}

/* That nothing has changed is no Event. */
static void post_outcome(const struct outcomes *outcomes,
                         const struct external_secret *external_secret,
                         enum reconcile_outcome outcome, bool wrote, const struct err *err)
{
    static const char *const reasons[RECONCILE_FAILED + 1] = {
        [RECONCILE_CREATED] = "Created",      [RECONCILE_UPDATED] = "Updated",
        [RECONCILE_DELETED] = "Deleted",      [RECONCILE_UNSUPPORTED] = "UpdateFailed",
        [RECONCILE_FOREIGN] = "UpdateFailed", [RECONCILE_FAILED] = "UpdateFailed",
    };
    CLEANUP(buf_done) struct buf message = {0};
    if (!reasons[outcome] || (reconcile_succeeded(outcome) && !wrote)) {
        return;
    }
    buf_init(&message, KUBE_EVENT_MESSAGE_BYTES);
    if (reconcile_succeeded(outcome)) {
        buf_printf(&message, "Secret %.*s %s", SV_ARG(external_secret->target),
                   reconcile_outcome_name(outcome));
    } else {
        buf_add_str(&message, err->message);
    }
    post_event(outcomes, external_secret, reasons[outcome], !reconcile_succeeded(outcome),
               buf_view(&message));
}

/* The operator's texts. */
static void post_missing(const struct outcomes *outcomes,
                         const struct external_secret *external_secret,
                         const struct plan_missing *missing)
{
    CLEANUP(buf_done) struct buf message = {0};
    buf_init(&message, KUBE_EVENT_MESSAGE_BYTES);
    buf_printf(&message, "secret does not exist at provider using spec.dataFrom[%zu]",
               missing->entry);
    if (!missing->data_from) {
        buf_printf(&message, " (key=%.*s)",
                   SV_ARG(sv_first(missing->remote_key, LIMIT_NAME_BYTES)));
    }
    post_event(outcomes, external_secret, "MissingProviderSecret", false, buf_view(&message));
}

void outcomes_tell(const struct outcomes *outcomes, const struct external_secret *external_secret,
                   enum reconcile_outcome outcome, const struct reconcile_report *report,
                   const struct err *err)
{
    const char *const values[] = {reconcile_outcome_name(outcome)};
    metric_add(outcomes->carried_out, values, 1);
    log_outcome(outcomes, external_secret, outcome, err);
    post_outcome(outcomes, external_secret, outcome, report->wrote, err);
    for (size_t i = 0; i < report->missing_count && i < OUTCOMES_MISSING_MAX; i++) {
        post_missing(outcomes, external_secret, &report->missing[i]);
    }
}

void outcomes_event(const struct outcomes *outcomes, const struct external_secret *external_secret,
                    const char *reason, struct str_view message)
{
    post_event(outcomes, external_secret, reason, false, message);
}

void outcomes_log_failure(const struct outcomes *outcomes, const char *what,
                          const struct external_secret *external_secret, const struct err *err)
{
    struct log_line line = log_begin(outcomes->log, LOG_WARN, what);
    log_str(&line, "namespace", external_secret->namespace);
    log_str(&line, "name", external_secret->name);
    log_err(&line, err);
    log_end(&line);
}

void outcomes_failed(const struct outcomes *outcomes, const char *what,
                     const struct external_secret *external_secret, const struct err *err)
{
    outcomes_log_failure(outcomes, what, external_secret, err);
    post_event(outcomes, external_secret, "UpdateFailed", true, sv_of(err->message));
}
