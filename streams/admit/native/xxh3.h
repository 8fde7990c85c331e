/* XXH3 with 64 bits, the plain way, after the specification and reference by Yann Collet (https://xxhash.com, BSD-2):
   what the package `xxhash` gives, without an object for every hash. A test compares them at every length. */

#ifndef WHENCE_XXH3_H
#define WHENCE_XXH3_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef __SIZEOF_INT128__
#error "needs a compiler with 128-bit integers"
#endif

#define XXH_P32_1 0x9E3779B1U
#define XXH_P32_2 0x85EBCA77U
#define XXH_P32_3 0xC2B2AE3DU
#define XXH_P64_1 0x9E3779B185EBCA87ULL
#define XXH_P64_2 0xC2B2AE3D27D4EB4FULL
#define XXH_P64_3 0x165667B19E3779F9ULL
#define XXH_P64_4 0x85EBCA77C2B2AE63ULL
#define XXH_P64_5 0x27D4EB2F165667C5ULL

static const uint8_t xxh_secret[192] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static inline uint64_t xxh_64(const void *p)
{
    uint64_t value;
    memcpy(&value, p, 8);
    return value;
}

static inline uint32_t xxh_32(const void *p)
{
    uint32_t value;
    memcpy(&value, p, 4);
    return value;
}

static inline uint64_t xxh_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t xxh_avalanche(uint64_t h)
{
    h = (h ^ h >> 37) * 0x165667919E3779F9ULL;
    return h ^ h >> 32;
}

static inline uint64_t xxh64_avalanche(uint64_t h)
{
    h = (h ^ h >> 33) * XXH_P64_2;
    h = (h ^ h >> 29) * XXH_P64_3;
    return h ^ h >> 32;
}

static inline uint64_t xxh_mix(const uint8_t *p, const uint8_t *secret, uint64_t seed)
{
    return xxh_fold(xxh_64(p) ^ (xxh_64(secret) + seed), xxh_64(p + 8) ^ (xxh_64(secret + 8) - seed));
}

static inline uint64_t xxh_rotated(uint64_t h, int bits)
{
    return h << bits | h >> (64 - bits);
}

static uint64_t xxh_to_16(const uint8_t *p, size_t size, uint64_t seed)
{
    const uint8_t *secret = xxh_secret;
    if (size > 8) {
        uint64_t low = xxh_64(p) ^ ((xxh_64(secret + 24) ^ xxh_64(secret + 32)) + seed);
        uint64_t high = xxh_64(p + size - 8) ^ ((xxh_64(secret + 40) ^ xxh_64(secret + 48)) - seed);
        return xxh_avalanche(size + __builtin_bswap64(low) + high + xxh_fold(low, high));
    }
    if (size >= 4) {
        seed ^= (uint64_t)__builtin_bswap32((uint32_t)seed) << 32;
        uint64_t both = xxh_32(p + size - 4) + ((uint64_t)xxh_32(p) << 32);
        uint64_t h = both ^ ((xxh_64(secret + 8) ^ xxh_64(secret + 16)) - seed);
        h = (h ^ xxh_rotated(h, 49) ^ xxh_rotated(h, 24)) * 0x9FB21C651E98DF25ULL;
        h = (h ^ ((h >> 35) + size)) * 0x9FB21C651E98DF25ULL;
        return h ^ h >> 28;
    }
    if (size) {
        uint32_t all = (uint32_t)p[0] << 16 | (uint32_t)p[size >> 1] << 24 | p[size - 1] | (uint32_t)size << 8;
        return xxh64_avalanche(all ^ ((xxh_32(secret) ^ xxh_32(secret + 4)) + seed));
    }
    return xxh64_avalanche(seed ^ (xxh_64(secret + 56) ^ xxh_64(secret + 64)));
}

static uint64_t xxh_to_240(const uint8_t *p, size_t size, uint64_t seed)
{
    uint64_t h = size * XXH_P64_1;
    if (size <= 128) {
        for (size_t i = (size - 1) / 32 + 1; i-- > 0;)
            h += xxh_mix(p + 16 * i, xxh_secret + 32 * i, seed)
                + xxh_mix(p + size - 16 * (i + 1), xxh_secret + 32 * i + 16, seed);
        return xxh_avalanche(h);
    }
    for (size_t i = 0; i < 8; i++)
        h += xxh_mix(p + 16 * i, xxh_secret + 16 * i, seed);
    h = xxh_avalanche(h) + xxh_mix(p + size - 16, xxh_secret + 136 - 17, seed);
    for (size_t i = 8; i < size / 16; i++)
        h += xxh_mix(p + 16 * i, xxh_secret + 16 * (i - 8) + 3, seed);
    return xxh_avalanche(h);
}

static inline void xxh_stripe(uint64_t *acc, const uint8_t *p, const uint8_t *secret)
{
    for (int lane = 0; lane < 8; lane++) {
        uint64_t value = xxh_64(p + 8 * lane), key = value ^ xxh_64(secret + 8 * lane);
        acc[lane ^ 1] += value;
        acc[lane] += (key & 0xFFFFFFFFU) * (key >> 32);
    }
}

static uint64_t xxh_long(const uint8_t *p, size_t size)
{
    uint64_t acc[8] = {XXH_P32_3, XXH_P64_1, XXH_P64_2, XXH_P64_3, XXH_P64_4, XXH_P32_2, XXH_P64_5, XXH_P32_1};
    const size_t block = 16 * 64, blocks = (size - 1) / block;
    for (size_t n = 0; n < blocks; n++) {
        for (size_t i = 0; i < 16; i++)
            xxh_stripe(acc, p + n * block + 64 * i, xxh_secret + 8 * i);
        for (int lane = 0; lane < 8; lane++)
            acc[lane] = (acc[lane] ^ acc[lane] >> 47 ^ xxh_64(xxh_secret + 128 + 8 * lane)) * XXH_P32_1;
    }
    for (size_t i = 0; i < (size - 1 - block * blocks) / 64; i++)
        xxh_stripe(acc, p + blocks * block + 64 * i, xxh_secret + 8 * i);
    xxh_stripe(acc, p + size - 64, xxh_secret + 128 - 7);
    uint64_t h = size * XXH_P64_1;
    for (int i = 0; i < 4; i++)
        h += xxh_fold(acc[2 * i] ^ xxh_64(xxh_secret + 11 + 16 * i), acc[2 * i + 1] ^ xxh_64(xxh_secret + 19 + 16 * i));
    return xxh_avalanche(h);
}

/* The hash of some bytes; of more than 240 with seed 0 only. */
static uint64_t xxh3(const void *data, size_t size, uint64_t seed)
{
    return size <= 16 ? xxh_to_16(data, size, seed) : size <= 240 ? xxh_to_240(data, size, seed) : xxh_long(data, size);
}

#endif
