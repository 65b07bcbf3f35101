/* What both servers share: a thread a connection, HTTP/1.1 keep-alive, TLS on
 * request, and counters. They exist to be faster than the clients that are
 * measured against them, and strict about what they are sent. */
#ifndef SERVING_H
#define SERVING_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#define HEAD_BYTES 65536

struct connection;

struct request {
    char method[8];
    char path[2048];    /* without the query */
    char query[4096];   /* without '?', still encoded */
    const char *head;   /* all header lines */
    long long length;   /* of the body */
};

struct counters {
    atomic_llong body_bytes;    /* of writes that were taken, as far as they arrived */
    atomic_llong sent_bytes;    /* of ranges or blocks that were answered */
    atomic_llong writes, clears, reads, other, refused, connections;
    atomic_llong in_flight, most_in_flight;
};

extern struct counters counters;
extern long delay_ms;
extern const char *store_path;

/* A header's value, trimmed; 0 when it is not there. */
int header(const struct request *request, const char *name, char *value, size_t size);
/* A header as a whole number, or `otherwise`. */
long long header_number(const struct request *request, const char *name, long long otherwise);
/* A query parameter, decoded; 0 when it is not there. */
int query(const struct request *request, const char *name, char *value, size_t size);

/* Take `length` bytes of the body: into `buffer`, or nowhere when it is NULL. -1 when it ended. */
int take(struct connection *connection, void *buffer, long long length);
/* What the latest `take` of this thread got, also when it ended early. */
long long taken(void);
/* Answer; `headers` are whole lines that end in CRLF. -1 when the client is gone. */
int answer(struct connection *connection, int status, const char *headers, const void *body,
           size_t length);
/* An answer to HEAD: the headers name the length, and no body follows. */
int answer_head(struct connection *connection, int status, const char *headers);
/* Refuse: drops what is left of the body first, so that the connection lives on. */
int refuse(struct connection *connection, long long body_left, int status, const char *headers,
           const char *body);

/* Between these two a request counts as in flight; the delay is slept in `leave`. */
void enter(void);
void leave(void);

/* What each server brings. */
extern const char *server_name;
extern const char *server_options;                      /* getopt letters of its own */
void server_option(int letter, const char *value);
void server_ready(void);                                /* all options are read */
int handle(struct connection *connection, const struct request *request);
void server_reset(void);                                /* counters are reset by the caller */
long long server_figure(void);                          /* one more number for /__stat */
extern const char *server_figure_name;

#endif
