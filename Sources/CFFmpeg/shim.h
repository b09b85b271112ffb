#pragma once

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libswscale/swscale.h>
#include <string.h>

// Macros that Swift does not see.
static inline int gleaner_av_needs_more(void) { return AVERROR(EAGAIN); }
static inline int gleaner_av_end(void) { return AVERROR_EOF; }
static inline int gleaner_av_damaged(void) { return AVERROR_INVALIDDATA; }
static inline int64_t gleaner_av_no_time(void) { return AV_NOPTS_VALUE; }

/// Gives a packet memory of its own. Returns 0, or an error.
static inline int gleaner_av_own(AVPacket *packet) {
    AVBufferRef *own = av_buffer_allocz(packet->size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!own) return AVERROR(ENOMEM);
    memcpy(own->data, packet->data, packet->size);
    av_buffer_unref(&packet->buf);
    packet->buf = own;
    packet->data = own->data;
    return 0;
}

/// Converts a whole frame with what `scaler` was made for; returns the number of rows, or an error.
static inline int gleaner_av_scale(struct SwsContext *scaler, const AVFrame *frame, uint8_t *target, int target_stride) {
    uint8_t *planes[1] = {target};
    int strides[1] = {target_stride};
    return sws_scale(scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
}
