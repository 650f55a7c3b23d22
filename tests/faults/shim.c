/* Makes the n-th call of one kind fail, on files whose path matches a pattern; loaded by LD_PRELOAD.
 *
 * The state lies in memory that forked processes share: a parent arms the shim for a child, and reads afterwards
 * how many calls the child made and which of them failed. glibc calls its own read and write inside fread, fwrite
 * and fclose, where no other library can stand between; so these are counted themselves.
 *
 * Connections to the internet and programs that are started are counted in any case; execl alone is not seen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <netdb.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, FSYNC, RENAME, CLOSE, KINDS };

struct state {
    char below[PATH_MAX]; /* the folder whose files are watched; empty: nothing is */
    char pattern[PATH_MAX]; /* of their paths below that folder, as a shell has it */
    int kind, nth, keeps_failing, error;
    int counts[KINDS];
    int failed;           /* how many calls failed */
    char path[PATH_MAX];  /* of the first that failed */
    char function[32];
    int log; /* a descriptor that takes a line for each counted call; 0: none */
};

struct reach { /* what a process and its children did, since it was forgotten */
    int connections, programs;
    char last[PATH_MAX]; /* of both */
};

static struct state *state;
static struct reach *reach;

static void *shared(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

__attribute__((constructor)) static void begin(void) {
    if (!state) state = shared(sizeof *state);
    if (!reach) reach = shared(sizeof *reach);
}

void shim_arm(const char *below, const char *pattern, int kind, int nth, int keeps_failing, int error, int log) {
    memset(state, 0, sizeof *state);
    strncpy(state->pattern, pattern, PATH_MAX - 1);
    state->kind = kind, state->nth = nth, state->keeps_failing = keeps_failing, state->error = error;
    state->log = log;
    strncpy(state->below, below, PATH_MAX - 1); /* last: from here on calls are counted */
}

void shim_disarm(void) { state->below[0] = 0; }
int shim_count(int kind) { return state->counts[kind]; }
int shim_failed(void) { return state->failed; }
const char *shim_path(void) { return state->path; }
const char *shim_function(void) { return state->function; }

void shim_forget(void) { memset(reach, 0, sizeof *reach); }
int shim_connections(void) { return reach->connections; }
int shim_programs(void) { return reach->programs; }
const char *shim_reached(void) { return reach->last; }

#define REAL(type, name, ...)                \
    static type (*real)(__VA_ARGS__);        \
    if (!real) real = dlsym(RTLD_NEXT, name);

static ssize_t link_of(const char *link, char *path) {
    REAL(ssize_t, "readlink", const char *, char *, size_t)
    ssize_t length = real(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length;
}

static int fails(enum kind kind, const char *function, const char *path) {
    char absolute[PATH_MAX * 2];
    if (!state || !state->below[0] || !path) return 0;
    if (path[0] != '/') { /* relative to the current folder */
        if (!getcwd(absolute, PATH_MAX)) return 0;
        strncat(absolute, "/", 2), strncat(absolute, path, PATH_MAX - 2);
        path = absolute;
    }
    size_t length = strlen(state->below);
    if (strncmp(path, state->below, length) || path[length] != '/') return 0;
    if (fnmatch(state->pattern, path + length + 1, 0)) return 0;
    int number = __sync_add_and_fetch(&state->counts[kind], 1);
    if (state->log) dprintf(state->log, "%d\t%s\t%s\n", kind, function, path + length + 1);
    if ((int)kind != state->kind || (number != state->nth && !(state->keeps_failing && number > state->nth))) return 0;
    if (__sync_add_and_fetch(&state->failed, 1) == 1) {
        snprintf(state->path, PATH_MAX, "%s", path + length + 1);
        snprintf(state->function, sizeof state->function, "%s", function);
    }
    errno = state->error;
    return 1;
}

static int descriptor_fails(enum kind kind, const char *function, int descriptor) {
    char link[64], path[PATH_MAX];
    if (!state || !state->below[0] || descriptor < 0) return 0;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = link_of(link, path);
    errno = before;
    return length > 0 && path[0] == '/' && fails(kind, function, path);
}

static int path_at_fails(enum kind kind, const char *function, int folder, const char *path) {
    char link[64], whole[PATH_MAX * 2];
    if (!state || !state->below[0] || !path) return 0;
    if (path[0] == '/' || folder == AT_FDCWD) return fails(kind, function, path);
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    if (link_of(link, whole) <= 0) return 0;
    strncat(whole, "/", 2), strncat(whole, path, PATH_MAX - 2);
    return fails(kind, function, whole);
}

#define MODE                                              \
    mode_t mode = 0;                                      \
    if (flags & (O_CREAT | __O_TMPFILE)) {                \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode = va_arg(rest, mode_t);                      \
        va_end(rest);                                     \
    }

#define OPENS(name)                                                                     \
    int name(const char *path, int flags, ...) {                                        \
        REAL(int, #name, const char *, int, ...)                                        \
        MODE return fails(OPEN, #name, path) ? -1 : real(path, flags, mode);            \
    }
#define OPENS_AT(name)                                                                             \
    int name(int folder, const char *path, int flags, ...) {                                       \
        REAL(int, #name, int, const char *, int, ...)                                              \
        MODE return path_at_fails(OPEN, #name, folder, path) ? -1 : real(folder, path, flags, mode); \
    }
#define CREATES(name)                                                    \
    int name(const char *path, mode_t mode) {                            \
        REAL(int, #name, const char *, mode_t)                           \
        return fails(OPEN, #name, path) ? -1 : real(path, mode);         \
    }
#define OPENS_STREAM(name)                                               \
    FILE *name(const char *path, const char *mode) {                     \
        REAL(FILE *, #name, const char *, const char *)                  \
        return fails(OPEN, #name, path) ? NULL : real(path, mode);       \
    }
OPENS(open) OPENS(open64) OPENS_AT(openat) OPENS_AT(openat64) CREATES(creat) CREATES(creat64)
OPENS_STREAM(fopen) OPENS_STREAM(fopen64)

/* what programs that were compiled with _FORTIFY_SOURCE call */
#define OPENS_CHECKED(name)                                              \
    int name(const char *path, int flags) {                              \
        REAL(int, #name, const char *, int)                              \
        return fails(OPEN, #name, path) ? -1 : real(path, flags);        \
    }
OPENS_CHECKED(__open_2) OPENS_CHECKED(__open64_2)

#define ON_DESCRIPTOR(type, kind, name, parameters, arguments, ...)                     \
    type name parameters {                                                              \
        REAL(type, #name, __VA_ARGS__)                                                  \
        return descriptor_fails(kind, #name, descriptor) ? -1 : real arguments;         \
    }
ON_DESCRIPTOR(ssize_t, READ, read, (int descriptor, void *to, size_t size), (descriptor, to, size), int, void *, size_t)
ON_DESCRIPTOR(ssize_t, READ, pread, (int descriptor, void *to, size_t size, off_t at), (descriptor, to, size, at), int,
              void *, size_t, off_t)
ON_DESCRIPTOR(ssize_t, READ, pread64, (int descriptor, void *to, size_t size, off64_t at), (descriptor, to, size, at),
              int, void *, size_t, off64_t)
ON_DESCRIPTOR(ssize_t, READ, readv, (int descriptor, const struct iovec *parts, int number),
              (descriptor, parts, number), int, const struct iovec *, int)
ON_DESCRIPTOR(ssize_t, READ, preadv64, (int descriptor, const struct iovec *parts, int number, off64_t at),
              (descriptor, parts, number, at), int, const struct iovec *, int, off64_t)
ON_DESCRIPTOR(ssize_t, WRITE, write, (int descriptor, const void *from, size_t size), (descriptor, from, size), int,
              const void *, size_t)
ON_DESCRIPTOR(ssize_t, WRITE, pwrite, (int descriptor, const void *from, size_t size, off_t at),
              (descriptor, from, size, at), int, const void *, size_t, off_t)
ON_DESCRIPTOR(ssize_t, WRITE, pwrite64, (int descriptor, const void *from, size_t size, off64_t at),
              (descriptor, from, size, at), int, const void *, size_t, off64_t)
ON_DESCRIPTOR(ssize_t, WRITE, writev, (int descriptor, const struct iovec *parts, int number),
              (descriptor, parts, number), int, const struct iovec *, int)
ON_DESCRIPTOR(ssize_t, WRITE, pwritev64, (int descriptor, const struct iovec *parts, int number, off64_t at),
              (descriptor, parts, number, at), int, const struct iovec *, int, off64_t)
ON_DESCRIPTOR(int, WRITE, ftruncate, (int descriptor, off_t size), (descriptor, size), int, off_t)
ON_DESCRIPTOR(int, WRITE, ftruncate64, (int descriptor, off64_t size), (descriptor, size), int, off64_t)
ON_DESCRIPTOR(int, WRITE, posix_fallocate64, (int descriptor, off64_t at, off64_t size), (descriptor, at, size), int,
              off64_t, off64_t)
ON_DESCRIPTOR(int, FSYNC, fsync, (int descriptor), (descriptor), int)
ON_DESCRIPTOR(int, FSYNC, fdatasync, (int descriptor), (descriptor), int)

ssize_t __read_chk(int descriptor, void *to, size_t size, size_t room) {
    REAL(ssize_t, "__read_chk", int, void *, size_t, size_t)
    return descriptor_fails(READ, "read", descriptor) ? -1 : real(descriptor, to, size, room);
}

static int stream_fails(enum kind kind, const char *function, FILE *stream) {
    if (!descriptor_fails(kind, function, fileno(stream))) return 0;
    stream->_flags |= 0x20; /* what ferror looks at */
    return 1;
}

size_t fread(void *to, size_t size, size_t number, FILE *stream) {
    REAL(size_t, "fread", void *, size_t, size_t, FILE *)
    return stream_fails(READ, "fread", stream) ? 0 : real(to, size, number, stream);
}

size_t fwrite(const void *from, size_t size, size_t number, FILE *stream) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *)
    return stream_fails(WRITE, "fwrite", stream) ? 0 : real(from, size, number, stream);
}

int fflush(FILE *stream) {
    REAL(int, "fflush", FILE *)
    return stream && stream_fails(WRITE, "fflush", stream) ? EOF : real(stream);
}

/* the file is closed all the same, as Linux does it: an error of close tells that a late write was lost */
int close(int descriptor) {
    REAL(int, "close", int)
    if (!descriptor_fails(CLOSE, "close", descriptor)) return real(descriptor);
    int error = errno;
    real(descriptor);
    errno = error;
    return -1;
}

int fclose(FILE *stream) {
    REAL(int, "fclose", FILE *)
    if (!descriptor_fails(CLOSE, "fclose", fileno(stream))) return real(stream);
    int error = errno;
    real(stream);
    errno = error;
    return EOF;
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *)
    return fails(RENAME, "rename", to) ? -1 : real(from, to);
}

int renameat(int here, const char *from, int there, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *)
    return path_at_fails(RENAME, "renameat", there, to) ? -1 : real(here, from, there, to);
}

int renameat2(int here, const char *from, int there, const char *to, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned)
    return path_at_fails(RENAME, "renameat2", there, to) ? -1 : real(here, from, there, to, flags);
}

static void count(int *number, const char *function, const char *what) {
    if (!reach) return;
    __sync_add_and_fetch(number, 1);
    snprintf(reach->last, PATH_MAX, "%s %s", function, what ? what : "");
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    REAL(int, "connect", int, const struct sockaddr *, socklen_t)
    int family = address ? address->sa_family : AF_UNSPEC;
    if (family == AF_INET || family == AF_INET6) count(&reach->connections, "connect", "to the internet");
    return real(descriptor, address, length);
}

/* glibc asks a name server by calls of its own */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    REAL(int, "getaddrinfo", const char *, const char *, const struct addrinfo *, struct addrinfo **)
    if (host) count(&reach->connections, "getaddrinfo", host);
    return real(host, service, hints, found);
}

#define STARTS(type, name, path, parameters, arguments, ...) \
    type name parameters {                                   \
        REAL(type, #name, __VA_ARGS__)                       \
        count(&reach->programs, #name, path);                \
        return real arguments;                               \
    }
STARTS(int, execv, path, (const char *path, char *const words[]), (path, words), const char *, char *const[])
STARTS(int, execvp, path, (const char *path, char *const words[]), (path, words), const char *, char *const[])
STARTS(int, execve, path, (const char *path, char *const words[], char *const variables[]), (path, words, variables),
       const char *, char *const[], char *const[])
STARTS(int, execvpe, path, (const char *path, char *const words[], char *const variables[]), (path, words, variables),
       const char *, char *const[], char *const[])
STARTS(int, fexecve, "a descriptor", (int descriptor, char *const words[], char *const variables[]),
       (descriptor, words, variables), int, char *const[], char *const[])
STARTS(int, system, line, (const char *line), (line), const char *)
STARTS(FILE *, popen, line, (const char *line, const char *mode), (line, mode), const char *, const char *)
STARTS(int, posix_spawn, path,
       (pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
        char *const words[], char *const variables[]),
       (child, path, actions, attributes, words, variables), pid_t *, const char *, const posix_spawn_file_actions_t *,
       const posix_spawnattr_t *, char *const[], char *const[])
STARTS(int, posix_spawnp, path,
       (pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
        char *const words[], char *const variables[]),
       (child, path, actions, attributes, words, variables), pid_t *, const char *, const posix_spawn_file_actions_t *,
       const posix_spawnattr_t *, char *const[], char *const[])
