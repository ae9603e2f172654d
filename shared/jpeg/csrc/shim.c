#include "shim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>
#include <jerror.h>

/* Bytes that a header with its metadata may take: it is kept in memory, whatever the file's size. */
#define HEADER_BYTES (64u << 20)
/* A real progressive file has about ten scans; thousands of tiny ones only serve to burn time. */
#define MAX_SCANS 100
#define BUFFER_BYTES (64u << 10)

/* ---- errors ---- */

struct errors {
  struct jpeg_error_mgr pub;
  jmp_buf jump;
  int status;
  char message[JMSG_LENGTH_MAX];
};

static void fail(struct errors *errors, int status, const char *message) {
  errors->status = status;
  snprintf(errors->message, sizeof errors->message, "%s", message);
  longjmp(errors->jump, 1);
}

static int status_of(int code) {
  switch (code) {
  case JERR_NO_SOI: return DJ_NOT_JPEG;
  case JERR_OUT_OF_MEMORY: return DJ_MEMORY;
  case JERR_IMAGE_TOO_BIG: return DJ_TOO_BIG;
  case JERR_SOF_UNSUPPORTED:
  case JERR_ARITH_NOTIMPL:
  case JERR_BAD_PRECISION:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_NOTIMPL:
  case JERR_FRACT_SAMPLE_NOTIMPL:
  case JERR_CCIR601_NOTIMPL: return DJ_UNSUPPORTED;
  case JERR_BAD_STATE:
  case JERR_BUFFER_SIZE: return DJ_MISUSE;
  default: return DJ_CORRUPT;
  }
}

static void on_error(j_common_ptr cinfo) {
  struct errors *errors = (struct errors *)cinfo->err;
  char text[JMSG_LENGTH_MAX];
  errors->pub.format_message(cinfo, text);
  fail(errors, status_of(errors->pub.msg_code), text);
}

/* libjpeg goes on with grey blocks where data is missing or makes no sense, and only warns: to us that is an error. */
static void on_message(j_common_ptr cinfo, int level) {
  if (level >= 0) return;
  switch (cinfo->err->msg_code) {
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_MUST_RESYNC:
  case JWRN_JPEG_EOF: on_error(cinfo); break;
  default: break;
  }
}

static void errors_init(struct errors *errors) {
  jpeg_std_error(&errors->pub);
  errors->pub.error_exit = on_error;
  errors->pub.emit_message = on_message;
}

/* ---- decoder ---- */

struct dj_dec {
  struct jpeg_decompress_struct cinfo;
  struct errors errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  int fd; /* -1: memory */
  int header_done;
  size_t consumed;
  JOCTET *buffer;
};

static const JOCTET END_OF_IMAGE[2] = {0xFF, JPEG_EOI};

static void source_nothing(j_decompress_ptr cinfo) { (void)cinfo; }

static boolean source_fill(j_decompress_ptr cinfo) {
  dj_dec *dec = (dj_dec *)cinfo->client_data;
  ssize_t got = 0;
  if (dec->fd >= 0) {
    do got = read(dec->fd, dec->buffer, BUFFER_BYTES);
    while (got < 0 && errno == EINTR);
  }
  if (got < 0) fail(&dec->errors, DJ_IO, strerror(errno));
  if (got > 0) {
    dec->source.next_input_byte = dec->buffer;
    dec->source.bytes_in_buffer = (size_t)got;
    dec->consumed += (size_t)got;
    if (!dec->header_done && dec->consumed > HEADER_BYTES) fail(&dec->errors, DJ_UNSUPPORTED, "too much metadata");
    return TRUE;
  }
  /* A missing end marker alone loses nothing: missing pixels are noticed by the entropy decoder. With several scans
     nothing would notice that the later ones are missing. */
  if (!dec->header_done || jpeg_has_multiple_scans(cinfo)) fail(&dec->errors, DJ_CORRUPT, "the file ends too early");
  dec->source.next_input_byte = END_OF_IMAGE;
  dec->source.bytes_in_buffer = 2;
  return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long bytes) {
  dj_dec *dec = (dj_dec *)cinfo->client_data;
  size_t left = bytes > 0 ? (size_t)bytes : 0;
  while (left > dec->source.bytes_in_buffer) {
    left -= dec->source.bytes_in_buffer;
    source_fill(cinfo);
    if (dec->source.next_input_byte == END_OF_IMAGE) return;
  }
  dec->source.next_input_byte += left;
  dec->source.bytes_in_buffer -= left;
}

static void on_progress(j_common_ptr common) {
  j_decompress_ptr cinfo = (j_decompress_ptr)common;
  if (cinfo->input_scan_number > MAX_SCANS) fail((struct errors *)cinfo->err, DJ_UNSUPPORTED, "too many scans");
}

dj_dec *dj_dec_new(void) {
  dj_dec *volatile dec = calloc(1, sizeof *dec); /* volatile: used after a longjmp */
  if (!dec) return NULL;
  dec->fd = -1;
  errors_init(&dec->errors);
  dec->cinfo.err = &dec->errors.pub;
  if (setjmp(dec->errors.jump)) {
    dj_dec_free(dec);
    return NULL;
  }
  jpeg_create_decompress(&dec->cinfo);
  dec->cinfo.client_data = dec;
  dec->source.init_source = source_nothing;
  dec->source.term_source = source_nothing;
  dec->source.fill_input_buffer = source_fill;
  dec->source.skip_input_data = source_skip;
  dec->source.resync_to_restart = jpeg_resync_to_restart;
  dec->cinfo.src = &dec->source;
  dec->progress.progress_monitor = on_progress;
  dec->cinfo.progress = &dec->progress;
  return dec;
}

void dj_dec_free(dj_dec *dec) {
  if (!dec) return;
  jpeg_destroy_decompress(&dec->cinfo);
  free(dec->buffer);
  free(dec);
}

const char *dj_dec_message(const dj_dec *dec) { return dec->errors.message; }

static uint32_t space_of(J_COLOR_SPACE space) {
  switch (space) {
  case JCS_GRAYSCALE: return DJ_SPACE_GRAY;
  case JCS_YCbCr: return DJ_SPACE_YCC;
  case JCS_RGB: return DJ_SPACE_RGB;
  case JCS_CMYK: return DJ_SPACE_CMYK;
  case JCS_YCCK: return DJ_SPACE_YCCK;
  default: return DJ_SPACE_OTHER;
  }
}

static int read_header(dj_dec *dec, struct dj_info *info) {
  j_decompress_ptr cinfo = &dec->cinfo;
  if (setjmp(dec->errors.jump)) return dec->errors.status;
  jpeg_save_markers(cinfo, JPEG_APP0 + 1, 0xFFFF);
  jpeg_save_markers(cinfo, JPEG_APP0 + 2, 0xFFFF);
  jpeg_read_header(cinfo, TRUE);
  dec->header_done = 1;
  if (cinfo->data_precision != 8) fail(&dec->errors, DJ_UNSUPPORTED, "only 8 bits per sample are read");
  if (cinfo->num_components > 4) fail(&dec->errors, DJ_UNSUPPORTED, "more than four components");
  memset(info, 0, sizeof *info);
  info->width = cinfo->image_width;
  info->height = cinfo->image_height;
  info->components = (uint32_t)cinfo->num_components;
  info->space = space_of(cinfo->jpeg_color_space);
  for (int i = 0; i < cinfo->num_components; i++) {
    info->h[i] = (uint32_t)cinfo->comp_info[i].h_samp_factor;
    info->v[i] = (uint32_t)cinfo->comp_info[i].v_samp_factor;
    const JQUANT_TBL *table = cinfo->quant_tbl_ptrs[cinfo->comp_info[i].quant_tbl_no & (NUM_QUANT_TBLS - 1)];
    if (table) memcpy(info->steps[i], table->quantval, sizeof info->steps[i]);
  }
  info->whole = jpeg_has_multiple_scans(cinfo) != 0;
  info->lossless = !cinfo->progressive_mode && cinfo->Se == 0;
  info->adobe = cinfo->saw_Adobe_marker != 0;
  info->transform = cinfo->Adobe_transform;
  return DJ_OK;
}

int dj_dec_open_fd(dj_dec *dec, int fd, struct dj_info *info) {
  dec->fd = fd;
  if (!dec->buffer) dec->buffer = malloc(BUFFER_BYTES);
  if (!dec->buffer) return DJ_MEMORY;
  return read_header(dec, info);
}

int dj_dec_open_memory(dj_dec *dec, const uint8_t *data, size_t size, struct dj_info *info) {
  dec->source.next_input_byte = data;
  dec->source.bytes_in_buffer = size;
  return read_header(dec, info);
}

int dj_dec_icc(dj_dec *dec, uint8_t **data, size_t *size) {
  JOCTET *profile = NULL;
  unsigned length = 0;
  *data = NULL;
  *size = 0;
  if (setjmp(dec->errors.jump)) return dec->errors.status;
  if (jpeg_read_icc_profile(&dec->cinfo, &profile, &length)) {
    *data = profile;
    *size = length;
  }
  return DJ_OK;
}

void dj_dec_icc_free(uint8_t *data) { free(data); }

int dj_dec_app1(const dj_dec *dec, size_t index, const uint8_t **data, size_t *size) {
  for (jpeg_saved_marker_ptr marker = dec->cinfo.marker_list; marker; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 1 || index--) continue;
    *data = marker->data;
    *size = marker->data_length;
    return 1;
  }
  return 0;
}

int dj_dec_start(dj_dec *dec, int output, unsigned scale, uint32_t *width, uint32_t *height) {
  j_decompress_ptr cinfo = &dec->cinfo;
  if (setjmp(dec->errors.jump)) return dec->errors.status;
  switch (output) {
  case DJ_OUT_RAW:
    cinfo->raw_data_out = TRUE;
    cinfo->out_color_space = cinfo->jpeg_color_space;
    break;
  case DJ_OUT_GRAY: cinfo->out_color_space = JCS_GRAYSCALE; break;
  case DJ_OUT_RGB: cinfo->out_color_space = JCS_RGB; break;
  default: cinfo->out_color_space = JCS_CMYK; break;
  }
  cinfo->scale_num = 1;
  cinfo->scale_denom = scale;
  jpeg_start_decompress(cinfo);
  *width = cinfo->output_width;
  *height = cinfo->output_height;
  return DJ_OK;
}

int dj_dec_rows(dj_dec *dec, uint8_t *rows, size_t stride, uint32_t count, uint32_t *got) {
  j_decompress_ptr cinfo = &dec->cinfo;
  if (setjmp(dec->errors.jump)) return dec->errors.status;
  *got = 0;
  while (*got < count && cinfo->output_scanline < cinfo->output_height) {
    JSAMPROW pointers[16];
    uint32_t wanted = count - *got < 16 ? count - *got : 16;
    for (uint32_t i = 0; i < wanted; i++) pointers[i] = rows + (*got + i) * stride;
    *got += jpeg_read_scanlines(cinfo, pointers, wanted);
  }
  return DJ_OK;
}

int dj_dec_raw(dj_dec *dec, uint8_t *const planes[4], const size_t strides[4]) {
  j_decompress_ptr cinfo = &dec->cinfo;
  JSAMPROW rows[4][MAX_SAMP_FACTOR * DCTSIZE];
  JSAMPARRAY image[4];
  if (setjmp(dec->errors.jump)) return dec->errors.status;
  for (int c = 0; c < cinfo->num_components; c++) {
    int count = cinfo->comp_info[c].v_samp_factor * DCTSIZE;
    for (int y = 0; y < count; y++) rows[c][y] = planes[c] + (size_t)y * strides[c];
    image[c] = rows[c];
  }
  jpeg_read_raw_data(cinfo, image, (JDIMENSION)cinfo->max_v_samp_factor * DCTSIZE);
  return DJ_OK;
}

int dj_dec_skip(dj_dec *dec) {
  j_decompress_ptr cinfo = &dec->cinfo;
  JSAMPROW rows[4][MAX_SAMP_FACTOR * DCTSIZE];
  JSAMPARRAY image[4];
  int c;
  if (setjmp(dec->errors.jump)) {
    for (c = 0; c < cinfo->num_components; c++) cinfo->comp_info[c].component_needed = TRUE;
    return dec->errors.status;
  }
  memset(rows, 0, sizeof rows);
  for (c = 0; c < cinfo->num_components; c++) {
    image[c] = rows[c];
    cinfo->comp_info[c].component_needed = FALSE; /* no inverse transform, and nothing is written */
  }
  jpeg_read_raw_data(cinfo, image, (JDIMENSION)cinfo->max_v_samp_factor * DCTSIZE);
  for (c = 0; c < cinfo->num_components; c++) cinfo->comp_info[c].component_needed = TRUE;
  return DJ_OK;
}

/* ---- encoder ---- */

struct dj_enc {
  struct jpeg_compress_struct cinfo;
  struct errors errors;
  struct jpeg_destination_mgr destination;
  JOCTET *buffer;
  size_t capacity;
  int configured; /* components, factor, quality and raw of the tables that are set, packed */
};

static void destination_init(j_compress_ptr cinfo) {
  dj_enc *enc = (dj_enc *)cinfo->client_data;
  enc->destination.next_output_byte = enc->buffer;
  enc->destination.free_in_buffer = enc->capacity;
}

static boolean destination_grow(j_compress_ptr cinfo) {
  dj_enc *enc = (dj_enc *)cinfo->client_data;
  size_t used = enc->capacity; /* libjpeg calls this with the buffer full, whatever the pointers say */
  JOCTET *larger = realloc(enc->buffer, enc->capacity * 2);
  if (!larger) fail(&enc->errors, DJ_MEMORY, "no memory for the output");
  enc->buffer = larger;
  enc->capacity *= 2;
  enc->destination.next_output_byte = larger + used;
  enc->destination.free_in_buffer = enc->capacity - used;
  return TRUE;
}

static void destination_nothing(j_compress_ptr cinfo) { (void)cinfo; }

dj_enc *dj_enc_new(void) {
  dj_enc *volatile enc = calloc(1, sizeof *enc); /* volatile: used after a longjmp */
  if (!enc) return NULL;
  errors_init(&enc->errors);
  enc->cinfo.err = &enc->errors.pub;
  enc->capacity = 16u << 10;
  enc->buffer = malloc(enc->capacity);
  if (!enc->buffer || setjmp(enc->errors.jump)) {
    dj_enc_free(enc);
    return NULL;
  }
  jpeg_create_compress(&enc->cinfo);
  enc->cinfo.client_data = enc;
  enc->destination.init_destination = destination_init;
  enc->destination.empty_output_buffer = destination_grow;
  enc->destination.term_destination = destination_nothing;
  enc->cinfo.dest = &enc->destination;
  return enc;
}

void dj_enc_free(dj_enc *enc) {
  if (!enc) return;
  jpeg_destroy_compress(&enc->cinfo);
  free(enc->buffer);
  free(enc);
}

const char *dj_enc_message(const dj_enc *enc) { return enc->errors.message; }

/* Coefficients that come from a JPEG lie on multiples of its step. In other steps some of them land halfway between two of
   ours, or apart where they were together: more error in more bytes. So the step becomes an odd multiple of the source's (of
   an even one every other would be halfway), the largest that is not much wider than wanted. */
static UINT16 fitting(UINT16 wanted, uint32_t source) {
  uint32_t n = 1;
  if (!source) return wanted;
  while (4 * (n + 2) * source <= 5u * wanted) n += 2;
  return n * source > 255 ? 255 : (UINT16)(n * source); /* baseline has 8 bits for it */
}

int dj_enc_start(dj_enc *enc, uint32_t width, uint32_t height, int components, int factor, int quality, int raw,
                 const uint16_t (*steps)[64]) {
  j_compress_ptr cinfo = &enc->cinfo;
  int wanted = components | factor << 4 | quality << 8 | raw << 16;
  if (setjmp(enc->errors.jump)) return enc->errors.status;
  jpeg_abort_compress(cinfo); /* whatever an earlier failure left */
  cinfo->image_width = width;
  cinfo->image_height = height;
  if (enc->configured != wanted || steps) {
    cinfo->input_components = components;
    cinfo->in_color_space = components == 1 ? JCS_GRAYSCALE : raw ? JCS_YCbCr : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    cinfo->raw_data_in = (boolean)raw;
    cinfo->comp_info[0].h_samp_factor = factor;
    cinfo->comp_info[0].v_samp_factor = factor;
    cinfo->write_JFIF_header = FALSE;
    cinfo->write_Adobe_marker = FALSE;
    enc->configured = wanted;
  }
  for (int t = 0; steps && t < 2; t++) {
    UINT16 *table = cinfo->quant_tbl_ptrs[t]->quantval;
    for (int i = 0; i < 64; i++) table[i] = fitting(table[i], steps[t][i]);
    enc->configured = 0;
  }
  jpeg_start_compress(cinfo, TRUE);
  return DJ_OK;
}

int dj_enc_raw(dj_enc *enc, const uint8_t *const planes[3], const size_t strides[3]) {
  j_compress_ptr cinfo = &enc->cinfo;
  JSAMPROW rows[3][2 * DCTSIZE];
  JSAMPARRAY image[3];
  if (setjmp(enc->errors.jump)) return enc->errors.status;
  for (int c = 0; c < cinfo->num_components; c++) {
    int count = cinfo->comp_info[c].v_samp_factor * DCTSIZE;
    for (int y = 0; y < count; y++) rows[c][y] = (JSAMPROW)planes[c] + (size_t)y * strides[c];
    image[c] = rows[c];
  }
  jpeg_write_raw_data(cinfo, image, (JDIMENSION)cinfo->max_v_samp_factor * DCTSIZE);
  return DJ_OK;
}

int dj_enc_rows(dj_enc *enc, const uint8_t *rows, size_t stride, uint32_t count) {
  if (setjmp(enc->errors.jump)) return enc->errors.status;
  for (uint32_t y = 0; y < count; y++) {
    JSAMPROW row = (JSAMPROW)rows + (size_t)y * stride;
    jpeg_write_scanlines(&enc->cinfo, &row, 1);
  }
  return DJ_OK;
}

int dj_enc_finish(dj_enc *enc, const uint8_t **data, size_t *size) {
  if (setjmp(enc->errors.jump)) return enc->errors.status;
  jpeg_finish_compress(&enc->cinfo);
  *data = enc->buffer;
  *size = enc->capacity - enc->destination.free_in_buffer;
  return DJ_OK;
}
