/* A wall clock that is off by as many milliseconds as a file says, which may change while the program runs. It is loaded
 * before the C library. The clock that never jumps is left alone, and no wait gets longer or shorter. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *off_ms;

/* A process that is to have a wrong clock must never run with the right one. */
__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("ECUMENE_TEST_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *seen = mmap(NULL, sizeof *off_ms, PROT_READ, MAP_SHARED, file, 0);
  if (seen == MAP_FAILED) abort();
  close(file);
  off_ms = seen;
}

static void move(struct timespec *time, int64_t by_ms) {
  int64_t ns = time->tv_nsec + by_ms % 1000 * 1000000;
  time->tv_sec += by_ms / 1000 + (ns >= 1000000000) - (ns < 0);
  time->tv_nsec = ns + (ns < 0) * 1000000000 - (ns >= 1000000000) * 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int failed = (int)syscall(SYS_clock_gettime, clock, time);
  int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (!failed && is_wall && off_ms) move(time, *off_ms);
  return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *into) {
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

/* The system waits by its own clock. A time of the other clock counts from the machine's start: it is a small one. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  struct timespec at = *until;
  if (at.tv_sec < 1000000000) return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &at);
  if (off_ms) move(&at, -*off_ms);
  return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &at);
}
