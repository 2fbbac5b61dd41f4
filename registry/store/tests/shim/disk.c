/* A disk that fails at one step: loaded before libc into a process, it counts what is written or synced below DISK_DIR
 * and strikes at the call number DISK_AT, as DISK_HOW says:
 *   full    from that call on nothing may be written (ENOSPC)
 *   unsynced  the first sync from that call on fails once (EIO); the ones after it claim to succeed
 *   torn    that call writes half of its bytes, and the process is dead
 * Having struck, it leaves the file DISK_MARK. Where DISK_WHILE is set nothing is counted: every sync fails (EIO) as long
 * as that file is there. It must never touch what lies outside DISK_DIR. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum verdict { GO, FULL, UNSYNCED, TORN };

static atomic_long calls;
static atomic_int failed_once;

static void mark(void) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, getenv("DISK_MARK"), O_CREAT | O_WRONLY, 0600);
    if (fd >= 0) syscall(SYS_close, fd);
}

static int is_below(const char *path) {
    const char *dir = getenv("DISK_DIR");
    return dir && strncmp(path, dir, strlen(dir)) == 0;
}

static int is_ours(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static enum verdict judge(int is_sync) {
    const char *ill = getenv("DISK_WHILE");
    if (ill) return is_sync && access(ill, F_OK) == 0 ? UNSYNCED : GO;
    long call = ++calls, at = atol(getenv("DISK_AT"));
    const char *how = getenv("DISK_HOW");
    if (call < at) return GO;
    if (strcmp(how, "torn") == 0) return call == at ? (mark(), TORN) : GO;
    if (strcmp(how, "full") == 0) return is_sync ? GO : (mark(), FULL);
    if (is_sync && !atomic_exchange(&failed_once, 1)) return mark(), UNSYNCED;
    return GO;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REFUSE(code) return errno = (code), -1

ssize_t write(int fd, const void *bytes, size_t count) {
    switch (is_ours(fd) ? judge(0) : GO) {
    case FULL: REFUSE(ENOSPC);
    case TORN: REAL(write)(fd, bytes, count / 2); _exit(9);
    default: return REAL(write)(fd, bytes, count);
    }
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    switch (is_ours(fd) ? judge(0) : GO) {
    case FULL: REFUSE(ENOSPC);
    case TORN: REAL(pwrite64)(fd, bytes, count / 2, offset); _exit(9);
    default: return REAL(pwrite64)(fd, bytes, count, offset);
    }
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

/* Steps without bytes: dead before the step is done, or a disk without room for it. */
#define STEP(is_ours, is_sync, call)                                  \
    switch ((is_ours) ? judge(is_sync) : GO) {                        \
    case FULL: REFUSE(ENOSPC);                                        \
    case UNSYNCED: REFUSE(EIO);                                       \
    case TORN: _exit(9);                                              \
    default: return call;                                             \
    }

int fsync(int fd) { STEP(is_ours(fd), 1, REAL(fsync)(fd)) }
int fdatasync(int fd) { STEP(is_ours(fd), 1, REAL(fdatasync)(fd)) }
int ftruncate(int fd, off_t length) { STEP(is_ours(fd), 0, REAL(ftruncate)(fd, length)) }
int ftruncate64(int fd, off64_t length) { STEP(is_ours(fd), 0, REAL(ftruncate64)(fd, length)) }
int fallocate(int fd, int mode, off_t offset, off_t length) {
    STEP(is_ours(fd), 0, REAL(fallocate)(fd, mode, offset, length))
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    STEP(is_ours(fd), 0, REAL(fallocate64)(fd, mode, offset, length))
}
int rename(const char *from, const char *to) { STEP(is_below(to), 0, REAL(rename)(from, to)) }
int mkdir(const char *path, mode_t mode) { STEP(is_below(path), 0, REAL(mkdir)(path, mode)) }
