/* HTTP/1.1 over plain sockets or TLS, a thread a connection.
 *
 * Prints the port on its first line. Ends when the process that started it ends.
 * GET /__stat answers the counters as JSON, POST /__reset sets all back. */
#define _GNU_SOURCE
#include "serving.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct connection {
    int fd;
    SSL *tls;
    size_t held;                /* bytes in `head` that are not used up */
    char head[HEAD_BYTES];
    char lines[HEAD_BYTES];
};

struct counters counters;
long delay_ms;
const char *store_path;
static SSL_CTX *tls_context;

static ssize_t receive(struct connection *c, void *buffer, size_t length)
{
    if (c->tls) {
        int got = SSL_read(c->tls, buffer, length > 1 << 20 ? 1 << 20 : (int)length);
        return got;
    }
    return recv(c->fd, buffer, length, 0);
}

static int send_all(struct connection *c, const void *data, size_t length, int more)
{
    const char *at = data;
    while (length) {
        ssize_t sent;
        if (c->tls)
            sent = SSL_write(c->tls, at, length > 1 << 20 ? 1 << 20 : (int)length);
        else
            sent = send(c->fd, at, length, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        if (sent <= 0)
            return -1;
        at += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static __thread long long got_bytes;

long long taken(void) { return got_bytes; }

int take(struct connection *c, void *buffer, long long length)
{
    static __thread char nowhere[1 << 18];
    char *into = buffer;
    size_t first = (long long)c->held < length ? c->held : (size_t)length;
    if (into)
        memcpy(into, c->head, first);
    memmove(c->head, c->head + first, c->held - first);
    c->held -= first;
    length -= (long long)first;
    got_bytes = (long long)first;
    into = into ? into + first : NULL;
    while (length > 0) {
        ssize_t got;
        if (into)
            got = receive(c, into, (size_t)length);
        else if (c->tls)
            got = receive(c, nowhere, length < (long long)sizeof nowhere ? (size_t)length : sizeof nowhere);
        else /* the kernel drops the bytes: nothing is copied */
            got = recv(c->fd, NULL, length < 8 << 20 ? (size_t)length : 8 << 20, MSG_TRUNC);
        if (got <= 0)
            return -1;
        length -= got;
        got_bytes += got;
        into = into ? into + got : NULL;
    }
    return 0;
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 206: return "Partial Content";
    case 400: return "Bad Request";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Request Entity Too Large";
    case 416: return "Requested Range Not Satisfiable";
    case 501: return "Not Implemented";
    default: return "Error";
    }
}

static int send_head(struct connection *c, int status, const char *headers, long long length)
{
    char head[4096], of_length[64] = "";
    if (length >= 0)
        snprintf(of_length, sizeof of_length, "Content-Length: %lld\r\n", length);
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n%s%s\r\n", status, reason(status),
                        headers, of_length);
    return send_all(c, head, (size_t)size, length > 0);
}

int answer(struct connection *c, int status, const char *headers, const void *body, size_t length)
{
    if (send_head(c, status, headers, (long long)length))
        return -1;
    return length ? send_all(c, body, length, 0) : 0;
}

int answer_head(struct connection *c, int status, const char *headers)
{
    return send_head(c, status, headers, -1);
}

int refuse(struct connection *c, long long left, int status, const char *headers, const char *body)
{
    counters.refused++;
    if (take(c, NULL, left))
        return -1;
    return answer(c, status, headers, body, strlen(body));
}

int header(const struct request *r, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = r->head; line && *line; line = strstr(line, "\r\n")) {
        line += line == r->head ? 0 : 2;
        if (strncasecmp(line, name, length) || line[length] != ':')
            continue;
        const char *at = line + length + 1;
        at += strspn(at, " \t");
        size_t found = strcspn(at, "\r\n");
        if (found >= size)
            return 0;
        memcpy(value, at, found);
        value[found] = 0;
        return 1;
    }
    return 0;
}

static long long number(const char *text, long long otherwise)
{
    char *end;
    long long found = strtoll(text, &end, 10);
    return end == text || *end || found < 0 ? otherwise : found;
}

long long header_number(const struct request *r, const char *name, long long otherwise)
{
    char value[64];
    return header(r, name, value, sizeof value) ? number(value, otherwise) : otherwise;
}

int query(const struct request *r, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    for (const char *at = r->query; at && *at; at = strchr(at, '&')) {
        at += *at == '&';
        if (strncasecmp(at, name, length) || (at[length] != '=' && at[length] != 0))
            continue;
        size_t filled = 0;
        for (at += length + (at[length] == '='); *at && *at != '&' && filled + 1 < size; at++) {
            unsigned int byte = (unsigned char)*at;
            if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1)
                at += 2;
            value[filled++] = (char)byte;
        }
        value[filled] = 0;
        return 1;
    }
    return 0;
}

void enter(void)
{
    long long now = ++counters.in_flight, most = counters.most_in_flight;
    while (now > most && !atomic_compare_exchange_weak(&counters.most_in_flight, &most, now))
        ;
}

void leave(void)
{
    if (delay_ms)
        usleep((useconds_t)delay_ms * 1000);
    counters.in_flight--;
}

static void reset(void)
{
    counters.body_bytes = counters.sent_bytes = counters.writes = counters.clears = 0;
    counters.reads = counters.other = counters.refused = counters.connections = 0;
    counters.most_in_flight = 0;
    server_reset();
}

static int internal(struct connection *c, const struct request *r)
{
    char body[1024];
    if (take(c, NULL, r->length))
        return -1;
    if (!strcmp(r->path, "/__reset"))
        reset();
    int size = snprintf(
        body, sizeof body,
        "{\"body_bytes\":%lld,\"sent_bytes\":%lld,\"writes\":%lld,\"clears\":%lld,\"reads\":%lld,"
        "\"other\":%lld,\"refused\":%lld,\"connections\":%lld,\"most_in_flight\":%lld,\"%s\":%lld}\n",
        counters.body_bytes, counters.sent_bytes, counters.writes, counters.clears, counters.reads,
        counters.other, counters.refused, counters.connections, counters.most_in_flight,
        server_figure_name, server_figure());
    return answer(c, 200, "Content-Type: application/json\r\n", body, (size_t)size);
}

/* Read one head into `r`. 1: there is one; 0: the client is done; -1: it is none. */
static int next_request(struct connection *c, struct request *r)
{
    char *end, target[6144];
    while (!(end = memmem(c->head, c->held, "\r\n\r\n", 4))) {
        if (c->held == sizeof c->head)
            return -1;
        ssize_t got = receive(c, c->head + c->held, sizeof c->head - c->held);
        if (got <= 0)
            return c->held ? -1 : 0;
        c->held += (size_t)got;
    }
    size_t size = (size_t)(end - c->head) + 4;
    memcpy(c->lines, c->head, size - 2);
    c->lines[size - 2] = 0;
    memmove(c->head, c->head + size, c->held - size);
    c->held -= size;
    if (sscanf(c->lines, "%7s %6143s HTTP/1.1", r->method, target) != 2)
        return -1;
    char *mark = strchr(target, '?');
    if (mark)
        *mark++ = 0;
    snprintf(r->path, sizeof r->path, "%.2047s", target);
    snprintf(r->query, sizeof r->query, "%.4095s", mark ? mark : "");
    r->head = strstr(c->lines, "\r\n") + 2;
    r->length = header_number(r, "Content-Length", 0);
    char expected[64];
    if (header(r, "Expect", expected, sizeof expected)) {
        const char *go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        if (send_all(c, go_on, strlen(go_on), 0))
            return -1;
    }
    return 1;
}

/* A close with unread bytes resets the connection, and the client would lose the answer. */
static void part(struct connection *c)
{
    struct timeval a_second = {.tv_sec = 1};
    char rest[4096];
    if (c->tls) {
        SSL_shutdown(c->tls);
        SSL_free(c->tls);
    }
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &a_second, sizeof a_second);
    shutdown(c->fd, SHUT_WR);
    while (recv(c->fd, rest, sizeof rest, 0) > 0)
        ;
    close(c->fd);
}

static void *serve(void *given)
{
    struct connection *c = given;
    struct request *r = calloc(1, sizeof *r);
    int one = 1, own = 0;
    char encoding[64];
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tls_context) {
        c->tls = SSL_new(tls_context);
        SSL_set_fd(c->tls, c->fd);
        if (SSL_accept(c->tls) != 1)
            goto out;
    }
    counters.connections++;
    while (next_request(c, r) == 1) {
        own = !strncmp(r->path, "/__", 3);
        if (own)
            counters.connections -= 1;
        if (header(r, "Transfer-Encoding", encoding, sizeof encoding)) {
            refuse(c, 0, 411, "Connection: close\r\n", "A body needs a Content-Length.\n");
            break;
        }
        if (own ? internal(c, r) || 1 : handle(c, r))
            break;
    }
out:
    part(c);
    free(r);
    free(c);
    return NULL;
}

static void use_tls(const char *certificate, const char *key)
{
    tls_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate_chain_file(tls_context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(2);
    }
}

int main(int count, char **words)
{
    const char *certificate = NULL, *key = NULL;
    char letters[64];
    snprintf(letters, sizeof letters, "c:k:d:s:%s", server_options);
    for (int letter; (letter = getopt(count, words, letters)) != -1;) {
        if (letter == 'c')
            certificate = optarg;
        else if (letter == 'k')
            key = optarg;
        else if (letter == 'd')
            delay_ms = atol(optarg);
        else if (letter == 's')
            store_path = optarg;
        else if (letter == '?')
            return 2;
        else
            server_option(letter, optarg);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (certificate)
        use_tls(certificate, key);
    server_ready();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, size) || listen(listener, 512) ||
        getsockname(listener, (void *)&address, &size)) {
        perror(server_name);
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&small, 1 << 20);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        struct connection *c = malloc(sizeof *c);
        memset(c, 0, offsetof(struct connection, head));
        c->fd = fd;
        pthread_t thread;
        if (pthread_create(&thread, &small, serve, c)) {
            close(fd);
            free(c);
        }
    }
}
