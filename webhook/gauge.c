/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gauge.h"

void gauge_write(struct buf *out, const char *name, const char *help, long long value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %lld\n", name, help, name, name, value);
}

void gauge_write_refused(struct buf *out, const struct server_counters *counters)
{
    const struct {
        const char *reason;
        uint64_t count;
    } rows[] = {
        {"framing", counters->refused_framing},      {"too_big", counters->refused_too_big},
        {"budget", counters->refused_budget},        {"path", counters->refused_check},
        {"slow_handshake", counters->cut_handshake}, {"slow_header", counters->cut_header},
        {"slow_body", counters->cut_body},           {"shed", counters->shed},
    };
    buf_add_str(out, "# HELP keyturn_rejected_requests_total Requests and peers turned away.\n"
                     "# TYPE keyturn_rejected_requests_total counter\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_printf(out, "keyturn_rejected_requests_total{reason=\"%s\"} %llu\n", rows[i].reason,
                   (unsigned long long)rows[i].count);
    }
}
