/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are resumed a fixed time after they came, to the microsecond: what waits for it
 * measures how much is added to that time. Any thread. */
#ifndef TESTS_BENCH_DELAY_LINE_H
#define TESTS_BENCH_DELAY_LINE_H

#include "webhook/server.h"

struct delay_line;

/* Starts a thread. */
struct delay_line *delay_line_new(int64_t delay_us);
/* Resumes what is in it and ends the thread. */
void delay_line_free(struct delay_line *line);

/* Suspends the request, counting from when it was received. */
void delay_line_put(struct delay_line *line, struct server_request *request);

#endif
