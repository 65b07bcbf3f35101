/* A fake of EBS direct that is faster than any client, and strict.
 *
 * -f FILE serves a raw file as the completed snapshot snap-0000000000000001.
 * Blocks that are put are dropped; their digests stay, for CompleteSnapshot. -v
 * also checks each block against its digest. -d sleeps that many ms in each get
 * and put. A signature must be there; it is not checked.
 * Source of the rules: the EBS direct API reference. */
#define _GNU_SOURCE
#include "serving.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 524288LL
#define BLOCKS_A_GIB 2048LL
#define MOST_SNAPSHOTS 64
#define TOKEN "AAAB+/%lld="             /* needs encoding in a query, as AWS's do */

struct block {
    unsigned char there, digest[32];
};

struct snapshot {
    char token[128], body[2048];
    long long size_gib, put;
    int complete, fd;
    struct block *blocks;
};

static struct snapshot snapshots[MOST_SNAPSHOTS];   /* number 1 is the file's */
static int made = 2;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *file;
static int verify;

const char *server_name = "ebs_direct";
const char *server_options = "f:v";
const char *server_figure_name = "blocks";

void server_option(int letter, const char *value)
{
    if (letter == 'f')
        file = value;
    else
        verify = 1;
}

static void digest_of(const void *data, size_t size, unsigned char *digest)
{
    EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL);
}

static void begin(struct snapshot *s, long long size_gib)
{
    s->size_gib = size_gib;
    s->fd = -1;
    s->blocks = mmap(NULL, (size_t)(size_gib * BLOCKS_A_GIB) * sizeof *s->blocks,
                     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Number 1: what the file's allocated blocks are, with their digests made before anybody asks. */
void server_ready(void)
{
    static unsigned char buffer[BLOCK];
    struct stat of;
    struct snapshot *s = &snapshots[1];
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (!file)
        return;
    if (fd < 0 || fstat(fd, &of)) {
        perror(file);
        exit(2);
    }
    begin(s, (of.st_size + (1 << 30) - 1) >> 30);
    s->fd = fd;
    s->complete = 1;
    off_t at = 0;
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
        long long index = at / BLOCK;
        memset(buffer, 0, sizeof buffer);
        if (pread(fd, buffer, sizeof buffer, index * BLOCK) < 0)
            exit(2);
        s->blocks[index].there = 1;
        digest_of(buffer, sizeof buffer, s->blocks[index].digest);
        at = (index + 1) * BLOCK;
    }
}

void server_reset(void)
{
    pthread_mutex_lock(&lock);
    for (int i = 2; i < made; i++) {
        munmap(snapshots[i].blocks,
               (size_t)(snapshots[i].size_gib * BLOCKS_A_GIB) * sizeof(struct block));
        memset(&snapshots[i], 0, sizeof snapshots[i]);
    }
    made = 2;
    pthread_mutex_unlock(&lock);
}

long long server_figure(void)
{
    long long all = 0;
    for (int i = 2; i < made; i++)
        all += snapshots[i].put;
    return all;
}

static int refused(struct connection *c, const struct request *r, int status, const char *code,
                   const char *why, const char *message)
{
    char headers[256], body[1024];
    snprintf(headers, sizeof headers, "x-amzn-ErrorType: %s\r\nContent-Type: application/json\r\n",
             code);
    snprintf(body, sizeof body, "{\"Message\":\"%s\",\"Reason\":\"%s\"}", message, why);
    return refuse(c, r->length, status, headers, body);
}

static int invalid(struct connection *c, const struct request *r, const char *message)
{
    return refused(c, r, 400, "ValidationException", "INVALID_PARAMETER_VALUE", message);
}

static int json(struct connection *c, int status, const char *body)
{
    counters.other++;
    return answer(c, status, "Content-Type: application/json\r\n", body, strlen(body));
}

static void checksum(const unsigned char *digest, char *text)
{
    EVP_EncodeBlock((unsigned char *)text, digest, 32);
}

static struct snapshot *started(const char *token, const char *body, long long size_gib, int *other)
{
    struct snapshot *found = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 2; i < made && !found && *token; i++)
        if (!strcmp(snapshots[i].token, token))
            found = &snapshots[i];
    *other = found && strcmp(found->body, body);
    if (!found && made < MOST_SNAPSHOTS) {
        found = &snapshots[made++];
        begin(found, size_gib);
        snprintf(found->token, sizeof found->token, "%s", token);
        snprintf(found->body, sizeof found->body, "%s", body);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static int start(struct connection *c, const struct request *r)
{
    char body[2048], token[128] = "", out[512];
    long long size_gib = 0;
    int other;
    if (r->length >= (long long)sizeof body)
        return invalid(c, r, "The request body is too long.");
    if (take(c, body, r->length))
        return -1;
    body[r->length] = 0;
    struct request empty = *r;
    empty.length = 0;
    const char *at = strstr(body, "\"VolumeSize\"");
    if (!at || sscanf(at, "\"VolumeSize\" : %lld", &size_gib) != 1 || size_gib < 1 || size_gib > 65536)
        return refused(c, &empty, 400, "ValidationException", "INVALID_VOLUME_SIZE",
                       "VolumeSize must be 1 to 65536 GiB.");
    if ((at = strstr(body, "\"ClientToken\"")))
        sscanf(at, "\"ClientToken\" : \"%127[^\"]", token);
    struct snapshot *s = started(token, body, size_gib, &other);
    if (other)
        return refused(c, &empty, 409, "ConflictException", "",
                       "A request with this client token had different parameters.");
    if (!s)
        return refused(c, &empty, 402, "ServiceQuotaExceededException",
                       "DEPENDENCY_SERVICE_QUOTA_EXCEEDED", "This fake holds no more snapshots.");
    snprintf(out, sizeof out,
             "{\"SnapshotId\":\"snap-%016llx\",\"OwnerId\":\"123456789012\",\"Status\":\"pending\","
             "\"StartTime\":%lld.0,\"VolumeSize\":%lld,\"BlockSize\":%lld,\"SseType\":\"none\"}",
             (long long)(s - snapshots), (long long)time(NULL), size_gib, BLOCK);
    return json(c, 201, out);
}

static int list(struct connection *c, const struct request *r, struct snapshot *s)
{
    char text[64], *out;
    size_t size;
    long long from = 0, most = 1000, told = 0, blocks = s->size_gib * BLOCKS_A_GIB;
    if (query(r, "maxResults", text, sizeof text) && ((most = atoll(text)) < 100 || most > 10000))
        return invalid(c, r, "MaxResults must be 100 to 10000.");
    if (query(r, "pageToken", text, sizeof text)) {
        if (sscanf(text, TOKEN, &from) != 1)
            return refused(c, r, 400, "ValidationException", "INVALID_PAGE_TOKEN", "No such page.");
    } else if (query(r, "startingBlockIndex", text, sizeof text)) {
        from = atoll(text);
    }
    FILE *to = open_memstream(&out, &size);
    fprintf(to, "{\"VolumeSize\":%lld,\"BlockSize\":%lld,\"ExpiryTime\":%lld.0,\"Blocks\":[",
            s->size_gib, BLOCK, (long long)time(NULL) + 7 * 86400);
    for (; from < blocks && told < most; from++)
        if (s->blocks[from].there)
            fprintf(to, "%s{\"BlockIndex\":%lld,\"BlockToken\":\"" TOKEN "\"}", told++ ? "," : "",
                    from, from);
    while (from < blocks && !s->blocks[from].there)
        from++;
    fprintf(to, "]");
    if (from < blocks)
        fprintf(to, ",\"NextToken\":\"" TOKEN "\"", from);
    fprintf(to, "}");
    fclose(to);
    int gone = json(c, 200, out);
    free(out);
    return gone;
}

static int get(struct connection *c, const struct request *r, struct snapshot *s, long long index)
{
    static __thread char *buffer;
    char text[128], headers[512], sum[64];
    long long of = -1;
    if (!query(r, "blockToken", text, sizeof text) || sscanf(text, TOKEN, &of) != 1 || of != index)
        return refused(c, r, 400, "ValidationException", "INVALID_BLOCK_TOKEN",
                       "The block token is not of this block.");
    if (!s->blocks[index].there || s->fd < 0)
        return refused(c, r, 400, "ValidationException", "INVALID_BLOCK", "There is no such block.");
    buffer = buffer ? buffer : malloc(BLOCK);
    enter();
    ssize_t got = pread(s->fd, buffer, BLOCK, index * BLOCK);
    memset(buffer + (got > 0 ? got : 0), 0, (size_t)(BLOCK - (got > 0 ? got : 0)));
    leave();
    checksum(s->blocks[index].digest, sum);
    snprintf(headers, sizeof headers,
             "x-amz-Data-Length: %lld\r\nx-amz-Checksum: %s\r\nx-amz-Checksum-Algorithm: SHA256\r\n"
             "Content-Type: application/octet-stream\r\n", BLOCK, sum);
    counters.reads++;
    counters.sent_bytes += BLOCK;
    return answer(c, 200, headers, buffer, BLOCK);
}

static int put(struct connection *c, const struct request *r, struct snapshot *s, long long index)
{
    static __thread char *buffer;
    char algorithm[32] = "", sum[64] = "", headers[256];
    unsigned char digest[48], found[32];
    header(r, "x-amz-Checksum-Algorithm", algorithm, sizeof algorithm);
    if (header_number(r, "x-amz-Data-Length", -1) != BLOCK || r->length != BLOCK)
        return invalid(c, r, "DataLength must be 524288.");
    if (strcmp(algorithm, "SHA256") || !header(r, "x-amz-Checksum", sum, sizeof sum) ||
        strlen(sum) != 44 || EVP_DecodeBlock(digest, (unsigned char *)sum, 44) != 33)
        return invalid(c, r, "There is no SHA256 checksum.");
    buffer = verify && !buffer ? malloc(BLOCK) : buffer;
    enter();
    int gone = take(c, verify ? buffer : NULL, BLOCK);
    counters.body_bytes += taken();
    if (gone) {
        counters.in_flight--;
        return -1;
    }
    counters.writes++;
    leave();
    struct request empty = *r;
    empty.length = 0;
    if (verify)
        digest_of(buffer, BLOCK, found);
    if (verify && memcmp(found, digest, sizeof found))
        return refused(c, &empty, 400, "ValidationException", "INVALID_BLOCK",
                       "The checksum does not match the block data.");
    pthread_mutex_lock(&lock);
    s->put += !s->blocks[index].there;
    s->blocks[index].there = 1;
    memcpy(s->blocks[index].digest, digest, sizeof found);
    pthread_mutex_unlock(&lock);
    snprintf(headers, sizeof headers,
             "x-amz-Checksum: %s\r\nx-amz-Checksum-Algorithm: SHA256\r\n"
             "Content-Type: application/json\r\n", sum);
    return answer(c, 201, headers, "{}", 2);
}

static int complete(struct connection *c, const struct request *r, struct snapshot *s)
{
    char sum[64], ours[64], how[32] = "";
    unsigned char digest[32];
    if (take(c, NULL, r->length))
        return -1;
    struct request empty = *r;
    empty.length = 0;
    if (header_number(r, "x-amz-ChangedBlocksCount", -1) != s->put)
        return invalid(c, &empty, "ChangedBlocksCount is not the number of blocks written.");
    if (header(r, "x-amz-Checksum", sum, sizeof sum)) {
        header(r, "x-amz-Checksum-Aggregation-Method", how, sizeof how);
        EVP_MD_CTX *all = EVP_MD_CTX_new();
        EVP_DigestInit_ex(all, EVP_sha256(), NULL);
        for (long long i = 0; i < s->size_gib * BLOCKS_A_GIB; i++)
            if (s->blocks[i].there)
                EVP_DigestUpdate(all, s->blocks[i].digest, 32);
        EVP_DigestFinal_ex(all, digest, NULL);
        EVP_MD_CTX_free(all);
        checksum(digest, ours);
        if (strcmp(how, "LINEAR") || strcmp(sum, ours))
            return invalid(c, &empty, "The aggregated checksum does not match the blocks written.");
    }
    s->complete = 1;
    return json(c, 202, "{\"Status\":\"completed\"}");
}

int handle(struct connection *c, const struct request *r)
{
    char text[2048];
    unsigned long long id = 0;
    long long index = -1;
    int at = 0;
    if (!header(r, "Authorization", text, sizeof text) || strncmp(text, "AWS4-HMAC-SHA256 ", 17))
        return refused(c, r, 403, "AccessDeniedException", "UNAUTHORIZED_ACCOUNT", "Not signed.");
    if (!strcmp(r->method, "POST") && !strcmp(r->path, "/snapshots"))
        return start(c, r);
    int completes = sscanf(r->path, "/snapshots/completion/snap-%16llx%n", &id, &at) == 1 && !r->path[at];
    int lists = !completes && sscanf(r->path, "/snapshots/snap-%16llx/blocks%n", &id, &at) == 1 && at && !r->path[at];
    int block = !completes && !lists && sscanf(r->path, "/snapshots/snap-%16llx/blocks/%lld%n", &id, &index, &at) == 2 && !r->path[at];
    if (!completes && !lists && !block)
        return refused(c, r, 404, "UnknownOperationException", "", "There is no such operation.");
    struct snapshot *s = id < MOST_SNAPSHOTS && snapshots[id].blocks ? &snapshots[id] : NULL;
    int writes = completes || (block && !strcmp(r->method, "PUT"));
    if (!s)
        return refused(c, r, 404, "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND",
                       "The snapshot does not exist.");
    if (writes == s->complete)
        return refused(c, r, 400, "ValidationException", "INVALID_SNAPSHOT_ID",
                       writes ? "The snapshot is complete." : "The snapshot is pending.");
    if (block && (index < 0 || index >= s->size_gib * BLOCKS_A_GIB))
        return invalid(c, r, "BlockIndex is beyond the volume.");
    if (completes && !strcmp(r->method, "POST"))
        return complete(c, r, s);
    if (lists && !strcmp(r->method, "GET"))
        return list(c, r, s);
    if (block && writes)
        return put(c, r, s, index);
    if (block && !strcmp(r->method, "GET"))
        return get(c, r, s, index);
    return refused(c, r, 404, "UnknownOperationException", "", "There is no such operation.");
}
