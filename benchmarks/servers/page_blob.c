/* A fake of Azure's page blobs that is faster than any client, and strict.
 *
 * Without -s it drops what is put and remembers only which pages were put; with
 * -s FOLDER it stores, and answers ranged reads. -d sleeps that many ms in each
 * Put Page. A signature must be there (sig= or Authorization); it is not checked.
 * Source of the rules: the REST reference of Put Blob, Put Page, Get Page Ranges,
 * Get Blob and Set Blob Properties. */
#define _GNU_SOURCE
#include "serving.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 512LL
#define MOST_BYTES (4LL << 20)          /* of one Put Page */
#define MOST_SIZE (8LL << 40)           /* of a page blob */
#define MOST_BLOBS 256
#define MOST_RANGES 10000

struct blob {
    char path[2048];
    long long size;
    int fd;
    uint64_t *pages;                    /* a bit a page */
    atomic_llong version;
};

static struct blob *blobs[MOST_BLOBS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static atomic_llong page_bytes;

const char *server_name = "page_blob";
const char *server_options = "";
const char *server_figure_name = "page_bytes";

void server_option(int letter, const char *value) { (void)letter, (void)value; }
void server_ready(void) {}
long long server_figure(void) { return page_bytes; }

static size_t map_bytes(long long size) { return (size_t)((size / PAGE + 63) / 64 * 8 + 8); }

static void forget(struct blob *b)
{
    if (b->fd >= 0)
        close(b->fd);
    munmap(b->pages, map_bytes(MOST_SIZE));
    free(b);
}

void server_reset(void)
{
    pthread_mutex_lock(&table);
    for (int i = 0; i < MOST_BLOBS; i++) {
        if (blobs[i])
            forget(blobs[i]);
        blobs[i] = NULL;
    }
    page_bytes = 0;
    pthread_mutex_unlock(&table);
}

static struct blob *find(const char *path)
{
    struct blob *found = NULL;
    pthread_mutex_lock(&table);
    for (int i = 0; i < MOST_BLOBS && !found; i++)
        if (blobs[i] && !strcmp(blobs[i]->path, path))
            found = blobs[i];
    pthread_mutex_unlock(&table);
    return found;
}

/* Remove it, and put another in its place when size >= 0. */
static struct blob *replace(const char *path, long long size)
{
    int place = -1;
    struct blob *made = NULL;
    pthread_mutex_lock(&table);
    for (int i = MOST_BLOBS - 1; i >= 0; i--)
        if (blobs[i] ? !strcmp(blobs[i]->path, path) : place < 0 || blobs[place] == NULL)
            place = i;
    if (place >= 0 && blobs[place]) {
        forget(blobs[place]);
        blobs[place] = NULL;
    }
    if (size >= 0 && place >= 0) {
        made = calloc(1, sizeof *made);
        snprintf(made->path, sizeof made->path, "%s", path);
        made->size = size;
        made->fd = -1;
        /* Address space for the largest blob, so that it can be resized; memory comes as used. */
        made->pages = mmap(NULL, map_bytes(MOST_SIZE), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (store_path) {
            char file[4096];
            snprintf(file, sizeof file, "%s/%s", store_path, strrchr(path, '/') + 1);
            made->fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
            if (made->fd < 0 || ftruncate(made->fd, size)) {
                perror(file);
                exit(1);
            }
        }
        blobs[place] = made;
    }
    pthread_mutex_unlock(&table);
    return made;
}

static void mark(struct blob *b, long long start, long long end, int put)
{
    long long changed = 0;
    for (long long page = start / PAGE, last = end / PAGE; page < last;) {
        long long word = page / 64, upto = (word + 1) * 64 < last ? (word + 1) * 64 : last;
        uint64_t bits = upto - page == 64 ? ~0ULL : ((1ULL << (upto - page)) - 1) << page % 64;
        uint64_t old = put ? __atomic_fetch_or(&b->pages[word], bits, __ATOMIC_RELAXED)
                           : __atomic_fetch_and(&b->pages[word], ~bits, __ATOMIC_RELAXED);
        changed += __builtin_popcountll(put ? bits & ~old : bits & old);
        page = upto;
    }
    page_bytes += (put ? changed : -changed) * PAGE;
    b->version++;
}

static int is_put(struct blob *b, long long page)
{
    return b->pages[page / 64] >> page % 64 & 1;
}

/* The first page from `page` on that is (not) put, or `last`. */
static long long next(struct blob *b, long long page, long long last, int put)
{
    uint64_t dull = put ? 0 : ~0ULL;
    while (page < last && is_put(b, page) != put) {
        if (page % 64 == 0 && b->pages[page / 64] == dull)
            page += 64;
        else
            page++;
    }
    return page < last ? page : last;
}

static int refused(struct connection *c, const struct request *r, int status, const char *code,
                   const char *message)
{
    char headers[512], body[1024];
    snprintf(headers, sizeof headers,
             "x-ms-error-code: %s\r\nx-ms-version: 2021-08-06\r\nx-ms-request-id: 1\r\n"
             "Content-Type: application/xml\r\n", code);
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>%s</Message>"
             "</Error>", code, message);
    if (!strcmp(r->method, "HEAD")) {
        counters.refused++;
        return answer_head(c, status, headers);
    }
    return refuse(c, r->length, status, headers, body);
}

static void describe(char *headers, size_t size, struct blob *b, const char *more)
{
    snprintf(headers, size,
             "ETag: \"0x%llX\"\r\nLast-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
             "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\nx-ms-request-id: 1\r\n"
             "x-ms-version: 2021-08-06\r\nx-ms-request-server-encrypted: true\r\n%s",
             b ? b->version + 0x8D100LL : 0x8D1LL, more);
}

static int done(struct connection *c, int status, struct blob *b, const char *more)
{
    char headers[1024];
    describe(headers, sizeof headers, b, more);
    return answer(c, status, headers, NULL, 0);
}

/* If-Match, where it is given, is the ETag that `describe` tells. */
static int matches(const struct request *r, struct blob *b)
{
    char wanted[128], is[64];
    snprintf(is, sizeof is, "\"0x%llX\"", b->version + 0x8D100LL);
    return !header(r, "If-Match", wanted, sizeof wanted) || !strcmp(wanted, "*") ||
           !strcmp(wanted, is);
}

/* "bytes=a-b" of x-ms-range or Range: 1 there is one, 0 none, -1 it is off. */
static int range(const struct request *r, long long size, long long *start, long long *end)
{
    char text[128], junk;
    *start = 0, *end = size;
    if (!header(r, "x-ms-range", text, sizeof text) && !header(r, "Range", text, sizeof text))
        return 0;
    long long last;
    int read = sscanf(text, "bytes=%lld-%lld%c", start, &last, &junk);
    if (read == 2)
        *end = last + 1;
    return read < 1 || read > 2 || *start < 0 || *end <= *start ? -1 : 1;
}

static int put_blob(struct connection *c, const struct request *r)
{
    char text[64];
    long long size = header_number(r, "x-ms-blob-content-length", -1);
    if (!header(r, "x-ms-blob-type", text, sizeof text) || strcasecmp(text, "PageBlob"))
        return refused(c, r, 400, "InvalidHeaderValue", "x-ms-blob-type is not PageBlob.");
    if (r->length)
        return refused(c, r, 400, "InvalidHeaderValue", "A page blob is created without a body.");
    if (size < 0 || size % PAGE || size > MOST_SIZE)
        return refused(c, r, 400, "InvalidHeaderValue",
                       "x-ms-blob-content-length is not a multiple of 512 up to 8 TiB.");
    if (header(r, "If-None-Match", text, sizeof text) && find(r->path))
        return refused(c, r, 409, "BlobAlreadyExists", "The specified blob already exists.");
    struct blob *made = replace(r->path, size);
    counters.other++;
    return made ? done(c, 201, made, "")
                : refused(c, r, 409, "AccountIsFull", "This fake holds no more blobs.");
}

static int put_page(struct connection *c, const struct request *r, struct blob *b)
{
    static __thread char *buffer;
    char what[32] = "";
    long long start, end;
    int found = range(r, b->size, &start, &end);
    header(r, "x-ms-page-write", what, sizeof what);
    int clear = !strcasecmp(what, "clear");
    if (!clear && strcasecmp(what, "update"))
        return refused(c, r, 400, "InvalidHeaderValue", "x-ms-page-write is update or clear.");
    if (found != 1 || start % PAGE || end % PAGE || end > b->size)
        return refused(c, r, 416, "InvalidPageRange", "The page range specified is invalid.");
    if (clear ? r->length != 0 : r->length != end - start)
        return refused(c, r, 400, "InvalidHeaderValue", "Content-Length is not the range's.");
    if (!clear && r->length > MOST_BYTES)
        return refused(c, r, 413, "RequestBodyTooLarge", "A Put Page takes 4 MiB at most.");
    enter();
    if (clear) {
        if (b->fd >= 0 && fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, end - start))
            perror("punch");
        counters.clears++;
    } else {
        buffer = b->fd >= 0 && !buffer ? malloc(MOST_BYTES) : buffer;
        int gone = take(c, b->fd >= 0 ? buffer : NULL, r->length);
        counters.body_bytes += taken();
        if (gone) {
            counters.in_flight--;
            return -1;
        }
        if (b->fd >= 0 && pwrite(b->fd, buffer, (size_t)r->length, start) != r->length) {
            perror("pwrite");
            exit(1);
        }
        counters.writes++;
    }
    mark(b, start, end, !clear);
    leave();
    return done(c, 201, b, "x-ms-blob-sequence-number: 0\r\n");
}

static int page_list(struct connection *c, const struct request *r, struct blob *b)
{
    char text[64], headers[1024], more[128], *xml;
    size_t size;
    long long start, end, most = MOST_RANGES, told = 0;
    if (range(r, b->size, &start, &end) < 0)
        return refused(c, r, 416, "InvalidRange", "The range is invalid.");
    if (query(r, "maxresults", text, sizeof text))
        most = atoll(text) < 1 || atoll(text) > MOST_RANGES ? MOST_RANGES : atoll(text);
    if (query(r, "marker", text, sizeof text) && *text)
        start = atoll(text);
    end = end < b->size ? end : b->size;
    FILE *out = open_memstream(&xml, &size);
    fputs("<?xml version=\"1.0\" encoding=\"utf-8\"?><PageList>", out);
    long long last = (end + PAGE - 1) / PAGE, page = next(b, start / PAGE, last, 1);
    while (page < last && told++ < most) {
        long long upto = next(b, page, last, 0);
        fprintf(out, "<PageRange><Start>%lld</Start><End>%lld</End></PageRange>", page * PAGE,
                upto * PAGE - 1);
        page = next(b, upto, last, 1);
    }
    if (page < last)
        fprintf(out, "<NextMarker>%lld</NextMarker></PageList>", page * PAGE);
    else
        fputs("<NextMarker/></PageList>", out);
    fclose(out);
    snprintf(more, sizeof more, "x-ms-blob-content-length: %lld\r\nContent-Type: application/xml\r\n",
             b->size);
    describe(headers, sizeof headers, b, more);
    counters.other++;
    int gone = answer(c, 200, headers, xml, size);
    free(xml);
    return gone;
}

static int get_range(struct connection *c, const struct request *r, struct blob *b)
{
    char headers[1024], more[256];
    long long start, end;
    int found = range(r, b->size, &start, &end);
    if (b->fd < 0)
        return refused(c, r, 501, "NotImplemented", "This server dropped what it was sent.");
    if (found < 0 || start >= b->size)
        return refused(c, r, 416, "InvalidRange", "The range is invalid for the blob's size.");
    end = end < b->size ? end : b->size;
    size_t length = (size_t)(end - start);
    char *body = malloc(length);
    if (!body || pread(b->fd, body, length, start) != (ssize_t)length) {
        free(body);
        return -1;
    }
    snprintf(more, sizeof more,
             "Content-Range: bytes %lld-%lld/%lld\r\nContent-Type: application/octet-stream\r\n"
             "x-ms-blob-type: PageBlob\r\n", start, end - 1, b->size);
    describe(headers, sizeof headers, b, more);
    counters.reads++;
    counters.sent_bytes += (long long)length;
    int gone = answer(c, found ? 206 : 200, headers, body, length);
    free(body);
    return gone;
}

static int properties(struct connection *c, struct blob *b)
{
    char headers[1024], more[512];
    snprintf(more, sizeof more,
             "Content-Length: %lld\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
             "x-ms-blob-type: PageBlob\r\nx-ms-blob-sequence-number: 0\r\nx-ms-lease-state: available\r\n"
             "x-ms-lease-status: unlocked\r\nx-ms-server-encrypted: true\r\n", b->size);
    describe(headers, sizeof headers, b, more);
    counters.other++;
    return answer_head(c, 200, headers);
}

static int put(struct connection *c, const struct request *r, const char *comp)
{
    long long size = header_number(r, "x-ms-blob-content-length", -1);
    struct blob *b = find(r->path);
    if (!*comp)
        return put_blob(c, r);
    if (!b)
        return refused(c, r, 404, "BlobNotFound", "The specified blob does not exist.");
    if (!matches(r, b))
        return refused(c, r, 412, "ConditionNotMet", "The blob has another ETag.");
    if (!strcmp(comp, "page"))
        return put_page(c, r, b);
    if (strcmp(comp, "properties") && strcmp(comp, "metadata"))
        return refused(c, r, 400, "InvalidQueryParameterValue", "comp is not known here.");
    if (size >= 0 && (size % PAGE || size > MOST_SIZE))
        return refused(c, r, 400, "InvalidHeaderValue", "The new size is no multiple of 512.");
    if (take(c, NULL, r->length))
        return -1;
    b->size = size >= 0 && !strcmp(comp, "properties") ? size : b->size;
    counters.other++;
    return done(c, 200, b, "x-ms-blob-sequence-number: 0\r\n");
}

int handle(struct connection *c, const struct request *r)
{
    char text[1024], comp[64] = "";
    int is_get = !strcmp(r->method, "GET"), slashes = 0;
    query(r, "comp", comp, sizeof comp);
    for (const char *at = r->path; *at; at++)
        slashes += *at == '/';
    if (!query(r, "sig", text, sizeof text) && !header(r, "Authorization", text, sizeof text))
        return refused(c, r, 403, "AuthenticationFailed", "There is no signature.");
    if (!header(r, "x-ms-version", text, sizeof text))
        return refused(c, r, 400, "MissingRequiredHeader", "x-ms-version is missing.");
    if (query(r, "restype", text, sizeof text) || slashes < 3) {
        counters.other++;
        return take(c, NULL, r->length) || done(c, *r->method == 'P' ? 201 : 200, NULL, "") ? -1 : 0;
    }
    if (!strcmp(r->method, "PUT"))
        return put(c, r, comp);
    struct blob *b = find(r->path);
    if (!b)
        return refused(c, r, 404, "BlobNotFound", "The specified blob does not exist.");
    if (!matches(r, b))
        return refused(c, r, 412, "ConditionNotMet", "The blob has another ETag.");
    if (!strcmp(r->method, "HEAD"))
        return properties(c, b);
    if (is_get && !strcmp(comp, "pagelist"))
        return page_list(c, r, b);
    if (is_get && !*comp)
        return get_range(c, r, b);
    if (!strcmp(r->method, "DELETE")) {
        replace(r->path, -1);
        counters.other++;
        return done(c, 202, NULL, "");
    }
    return refused(c, r, 400, "UnsupportedHttpVerb", "This fake does not know the request.");
}
