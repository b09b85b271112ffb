#pragma once

// FFmpeg's types and constants, and a table of those of its functions that Gleaner calls. Nothing here links FFmpeg:
// the table is filled when the first video is opened, from the libraries that these headers belong to.

#include <dlfcn.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <string.h>

// Macros that Swift does not see.
static inline int gleaner_av_needs_more(void) { return AVERROR(EAGAIN); }
static inline int gleaner_av_end(void) { return AVERROR_EOF; }
static inline int gleaner_av_damaged(void) { return AVERROR_INVALIDDATA; }
static inline int64_t gleaner_av_no_time(void) { return AV_NOPTS_VALUE; }

#define GLEANER_AV_SONAME_OF(name, number) "lib" #name ".so." #number
#define GLEANER_AV_SONAME(name, number) GLEANER_AV_SONAME_OF(name, number)

// Each library under the number that its structures belong to, and what is called of it. FFmpeg numbers libavdevice as
// it numbers libavformat.
#define GLEANER_AV_UTIL GLEANER_AV_SONAME(avutil, LIBAVUTIL_VERSION_MAJOR)
#define GLEANER_AV_CODEC GLEANER_AV_SONAME(avcodec, LIBAVCODEC_VERSION_MAJOR)
#define GLEANER_AV_FORMAT GLEANER_AV_SONAME(avformat, LIBAVFORMAT_VERSION_MAJOR)
#define GLEANER_AV_SCALE GLEANER_AV_SONAME(swscale, LIBSWSCALE_VERSION_MAJOR)
#define GLEANER_AV_DEVICE GLEANER_AV_SONAME(avdevice, LIBAVFORMAT_VERSION_MAJOR)

#define GLEANER_AV_FUNCTIONS(each)                   \
    each(GLEANER_AV_UTIL, av_buffer_allocz)          \
    each(GLEANER_AV_UTIL, av_buffer_unref)           \
    each(GLEANER_AV_UTIL, av_dict_free)              \
    each(GLEANER_AV_UTIL, av_dict_set)               \
    each(GLEANER_AV_UTIL, av_frame_alloc)            \
    each(GLEANER_AV_UTIL, av_frame_apply_cropping)   \
    each(GLEANER_AV_UTIL, av_frame_free)             \
    each(GLEANER_AV_UTIL, av_frame_unref)            \
    each(GLEANER_AV_UTIL, av_log_set_level)          \
    each(GLEANER_AV_UTIL, av_strerror)               \
    each(GLEANER_AV_CODEC, av_packet_alloc)          \
    each(GLEANER_AV_CODEC, av_packet_free)           \
    each(GLEANER_AV_CODEC, av_packet_unref)          \
    each(GLEANER_AV_CODEC, avcodec_alloc_context3)   \
    each(GLEANER_AV_CODEC, avcodec_free_context)     \
    each(GLEANER_AV_CODEC, avcodec_open2)            \
    each(GLEANER_AV_CODEC, avcodec_parameters_to_context) \
    each(GLEANER_AV_CODEC, avcodec_receive_frame)    \
    each(GLEANER_AV_CODEC, avcodec_send_packet)      \
    each(GLEANER_AV_FORMAT, av_find_best_stream)     \
    each(GLEANER_AV_FORMAT, av_find_input_format)    \
    each(GLEANER_AV_FORMAT, av_read_frame)           \
    each(GLEANER_AV_FORMAT, avformat_alloc_context)  \
    each(GLEANER_AV_FORMAT, avformat_close_input)    \
    each(GLEANER_AV_FORMAT, avformat_find_stream_info) \
    each(GLEANER_AV_FORMAT, avformat_open_input)     \
    each(GLEANER_AV_SCALE, sws_freeContext)          \
    each(GLEANER_AV_SCALE, sws_getCoefficients)      \
    each(GLEANER_AV_SCALE, sws_getContext)           \
    each(GLEANER_AV_SCALE, sws_scale)                \
    each(GLEANER_AV_SCALE, sws_setColorspaceDetails)

/// FFmpeg's functions under their own names.
typedef struct gleaner_av {
#define GLEANER_AV_FIELD(library, name) __typeof__(name) *_Nonnull name;
    GLEANER_AV_FUNCTIONS(GLEANER_AV_FIELD)
#undef GLEANER_AV_FIELD
} gleaner_av;

/// A function of a library, which is loaded for it and never unloaded; null, and why, where there is none.
static inline void *_Nullable gleaner_av_find(
    const char *_Nonnull library, const char *_Nonnull name, char *_Nonnull reason, size_t reason_size) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle ? dlsym(handle, name) : NULL;
    if (!symbol) {
        const char *text = dlerror();
        snprintf(reason, reason_size, "%s", text ? text : name);
    }
    return symbol;
}

/// Fills the table; returns 0 and why where a library or a function is missing.
static inline int gleaner_av_load(gleaner_av *_Nonnull table, char *_Nonnull reason, size_t reason_size) {
    void *symbol;
#define GLEANER_AV_FILL(library, name)                                                          \
    if (!(symbol = gleaner_av_find(library, #name, reason, reason_size))) return 0;             \
    memcpy(&table->name, &symbol, sizeof symbol);
    GLEANER_AV_FUNCTIONS(GLEANER_AV_FILL)
#undef GLEANER_AV_FILL
    return 1;
}

/// Makes the devices of a machine known; returns 0 and why where their library is missing.
static inline int gleaner_av_load_devices(char *_Nonnull reason, size_t reason_size) {
    void (*add_all)(void);
    void *symbol = gleaner_av_find(GLEANER_AV_DEVICE, "avdevice_register_all", reason, reason_size);
    if (!symbol) return 0;
    memcpy(&add_all, &symbol, sizeof symbol);
    add_all();
    return 1;
}

/// Gives a packet memory of its own. Returns 0, or an error.
static inline int gleaner_av_own(const gleaner_av *_Nonnull table, AVPacket *_Nonnull packet) {
    AVBufferRef *own = table->av_buffer_allocz(packet->size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!own) return AVERROR(ENOMEM);
    memcpy(own->data, packet->data, packet->size);
    table->av_buffer_unref(&packet->buf);
    packet->buf = own;
    packet->data = own->data;
    return 0;
}

/// Converts a whole frame with what `scaler` was made for; returns the number of rows, or an error.
static inline int gleaner_av_scale(
    const gleaner_av *_Nonnull table, struct SwsContext *_Nonnull scaler, const AVFrame *_Nonnull frame,
    uint8_t *_Nullable target, int target_stride) {
    uint8_t *planes[1] = {target};
    int strides[1] = {target_stride};
    return table->sws_scale(
        scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
}
