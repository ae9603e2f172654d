/* libjpeg for callers that cannot be jumped over: every call returns a status, and no longjmp leaves this file. */
#ifndef DLCS_JPEG_SHIM_H
#define DLCS_JPEG_SHIM_H

#include <stddef.h>
#include <stdint.h>

enum dj_status { DJ_OK, DJ_NOT_JPEG, DJ_CORRUPT, DJ_UNSUPPORTED, DJ_TOO_BIG, DJ_IO, DJ_MEMORY, DJ_MISUSE };
enum dj_space { DJ_SPACE_OTHER, DJ_SPACE_GRAY, DJ_SPACE_YCC, DJ_SPACE_RGB, DJ_SPACE_CMYK, DJ_SPACE_YCCK };
enum dj_output { DJ_OUT_RAW, DJ_OUT_GRAY, DJ_OUT_RGB, DJ_OUT_CMYK };

/* What a header says. */
struct dj_info {
  uint32_t width, height, components, space;
  uint32_t h[4], v[4];       /* sampling factors of each component */
  uint32_t whole;            /* coefficients of the whole image are buffered: progressive or several scans */
  uint32_t lossless;         /* predictive coding, no DCT */
  uint32_t adobe, transform; /* whether there is an Adobe marker, and its transform */
  uint16_t steps[4][64];     /* of each component's coefficients, row by row; 0 where they are not known yet */
};

typedef struct dj_dec dj_dec;
dj_dec *dj_dec_new(void);
void dj_dec_free(dj_dec *dec);
const char *dj_dec_message(const dj_dec *dec);
int dj_dec_open_fd(dj_dec *dec, int fd, struct dj_info *info);
int dj_dec_open_memory(dj_dec *dec, const uint8_t *data, size_t size, struct dj_info *info);
int dj_dec_icc(dj_dec *dec, uint8_t **data, size_t *size);
void dj_dec_icc_free(uint8_t *data);
int dj_dec_app1(const dj_dec *dec, size_t index, const uint8_t **data, size_t *size);
int dj_dec_start(dj_dec *dec, int output, unsigned scale, uint32_t *width, uint32_t *height);
int dj_dec_rows(dj_dec *dec, uint8_t *rows, size_t stride, uint32_t count, uint32_t *got);
int dj_dec_raw(dj_dec *dec, uint8_t *const planes[4], const size_t strides[4]);
int dj_dec_skip(dj_dec *dec); /* instead of dj_dec_raw, of a JPEG of one scan */

typedef struct dj_enc dj_enc;
dj_enc *dj_enc_new(void);
void dj_enc_free(dj_enc *enc);
const char *dj_enc_message(const dj_enc *enc);
/* `steps`, unless it is null: those of the JPEG that the samples were decoded from, of luma and of colour; 0 is unknown. */
int dj_enc_start(dj_enc *enc, uint32_t width, uint32_t height, int components, int factor, int quality, int raw,
                 const uint16_t (*steps)[64]);
int dj_enc_raw(dj_enc *enc, const uint8_t *const planes[3], const size_t strides[3]);
int dj_enc_rows(dj_enc *enc, const uint8_t *rows, size_t stride, uint32_t count);
int dj_enc_finish(dj_enc *enc, const uint8_t **data, size_t *size);
#endif
