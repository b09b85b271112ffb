/*
 * A camera on the device, for tests: loaded before everything else, it answers for one path as a V4L2 driver would.
 *
 * GLEANER_DOUBLE_CAMERA names the path. While a file is there, the camera is plugged in, and each frame is what the
 * file then holds. Its formats are Motion JPEG and YUYV; its rate is what it was asked for, 20 frames a second else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_COUNT 8
#define BUFFER_SIZE (1 << 20)

static int camera = -1; /* its descriptor, while it is open */
static struct v4l2_pix_format format = {
    .width = 160, .height = 120, .pixelformat = V4L2_PIX_FMT_YUYV, .field = V4L2_FIELD_NONE, .sizeimage = BUFFER_SIZE};
static struct v4l2_fract interval = {1, 20};
static char *buffers[BUFFER_COUNT];
static unsigned queued[BUFFER_COUNT], queued_count;
static double due;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static const char *path(void) {
  const char *named = getenv("GLEANER_DOUBLE_CAMERA");
  return named ? named : "";
}

static int fail(int code) {
  errno = code;
  return -1;
}

static int give_frame(struct v4l2_buffer *buffer) {
  if (access(path(), F_OK) != 0) return fail(ENODEV);
  if (queued_count == 0 || now() < due) return fail(EAGAIN);
  due = now() + (double)interval.numerator / interval.denominator;
  unsigned index = queued[0];
  memmove(queued, queued + 1, --queued_count * sizeof *queued);
  ssize_t size = pread(camera, buffers[index], BUFFER_SIZE, 0);
  if (size < 0) return -1;
  *buffer = (struct v4l2_buffer){.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .bytesused = size};
  return 0;
}

static int answer(unsigned long request, void *argument) {
  switch (request) {
    case VIDIOC_QUERYCAP:
      ((struct v4l2_capability *)argument)->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    case VIDIOC_G_INPUT: *(int *)argument = 0; return 0;
    case VIDIOC_S_INPUT: return 0;
    case VIDIOC_ENUMINPUT: return ((struct v4l2_input *)argument)->index ? fail(EINVAL) : 0;
    case VIDIOC_G_FMT: ((struct v4l2_format *)argument)->fmt.pix = format; return 0;
    case VIDIOC_S_FMT: {
      struct v4l2_pix_format *wanted = &((struct v4l2_format *)argument)->fmt.pix;
      bool known = wanted->pixelformat == V4L2_PIX_FMT_MJPEG || wanted->pixelformat == V4L2_PIX_FMT_YUYV;
      if (known) format.pixelformat = wanted->pixelformat;
      format.width = wanted->width;
      format.height = wanted->height;
      *wanted = format;
      return 0;
    }
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
      struct v4l2_captureparm *capture = &((struct v4l2_streamparm *)argument)->parm.capture;
      if (request == VIDIOC_S_PARM && capture->timeperframe.numerator) interval = capture->timeperframe;
      capture->capability = V4L2_CAP_TIMEPERFRAME;
      capture->timeperframe = interval;
      return 0;
    }
    case VIDIOC_REQBUFS: ((struct v4l2_requestbuffers *)argument)->count = BUFFER_COUNT; return 0;
    case VIDIOC_QUERYBUF: {
      struct v4l2_buffer *buffer = argument;
      buffer->length = BUFFER_SIZE;
      buffer->m.offset = buffer->index * BUFFER_SIZE;
      return 0;
    }
    case VIDIOC_QBUF: queued[queued_count++] = ((struct v4l2_buffer *)argument)->index; return 0;
    case VIDIOC_DQBUF: return give_frame(argument);
    case VIDIOC_STREAMON: return 0;
    case VIDIOC_STREAMOFF: queued_count = 0; return 0;
    default: return fail(EINVAL);
  }
}

/* What a program calls, and what it would have called. */

#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

int open(const char *name, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  int descriptor = REAL(open)(name, flags, mode);
  if (strcmp(name, path()) == 0) camera = descriptor;
  return descriptor;
}

int open64(const char *name, int flags, ...) __attribute__((alias("open")));

int ioctl(int descriptor, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if (descriptor >= 0 && descriptor == camera) return answer((unsigned)request, argument);
  return REAL(ioctl)(descriptor, request, argument);
}

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t offset) {
  if (descriptor < 0 || descriptor != camera) return REAL(mmap)(address, size, protection, flags, descriptor, offset);
  char *buffer = REAL(mmap)(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  buffers[offset / BUFFER_SIZE] = buffer;
  return buffer;
}

void *mmap64(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
    __attribute__((alias("mmap")));

int close(int descriptor) {
  if (descriptor == camera) camera = -1;
  return REAL(close)(descriptor);
}
