/* JSON strings, moments, and what may be personal: bytes only, no Python. */

#ifndef WHENCE_STRINGS_H
#define WHENCE_STRINGS_H

#include <stdint.h>
#include <string.h>

#define SUSPICIOUS 4
#define LONG_RUN 16

enum { PLAIN = 0, QUOTE, BACKSLASH, CONTROL, HIGH };
static unsigned char class_of[256], weight_of[256], in_run[256];

static void make_tables(void)
{
    for (int c = 0; c < 256; c++) {
        int digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        class_of[c] = c == '"' ? QUOTE : c == '\\' ? BACKSLASH : c < 32 ? CONTROL : c >= 128 ? HIGH : PLAIN;
        weight_of[c] = c == '@' || c == ':' || c == '=' ? SUSPICIOUS : (unsigned char)digit;
        in_run[c] = digit || letter || c == '_' || c == '+' || c == '/' || c == '.' || c == '-';
    }
}

static int continues(const unsigned char *p, const unsigned char *end, int count)
{
    if (end - p < count)
        return 0;
    for (int i = 0; i < count; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return 1;
}

/* Length of the UTF-8 sequence at p, 0 where there is none; no overlong ones, no surrogates. */
static int sequence(const unsigned char *p, const unsigned char *end)
{
    unsigned char first = p[0];
    if (first < 0xC2 || first > 0xF4)
        return 0;
    int more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (!continues(p + 1, end, more))
        return 0;
    if ((first == 0xE0 && p[1] < 0xA0) || (first == 0xED && p[1] > 0x9F))
        return 0;
    if ((first == 0xF0 && p[1] < 0x90) || (first == 0xF4 && p[1] > 0x8F))
        return 0;
    return more + 1;
}

/* How far the bytes from p on are plain, eight at a time; a few may be left. */
static const unsigned char *plain_end(const unsigned char *p, const unsigned char *end)
{
    const uint64_t ones = 0x0101010101010101ULL, tops = 0x8080808080808080ULL;
    for (; end - p >= 8; p += 8) {
        uint64_t word, quote, slash;
        memcpy(&word, p, 8);
        quote = word ^ (ones * '"');
        slash = word ^ (ones * '\\');
        if (((word | (word - ones * 32) | (quote - ones) | (slash - ones)) & tops) != 0)
            break;
    }
    return p;
}

/* The end of a string that began at p, its closing quote; NULL where it has none or anything but short escapes. */
static const unsigned char *string_end(const unsigned char *p, const unsigned char *end)
{
    p = plain_end(p, end);
    while (p < end) {
        int length;
        switch (class_of[*p]) {
        case PLAIN:
            p++;
            break;
        case QUOTE:
            return p;
        case BACKSLASH:
            if (end - p < 2 || p[1] == 0 || !strchr("\"\\bfnrt", p[1]))
                return NULL;
            p += 2;
            break;
        case HIGH:
            length = sequence(p, end);
            if (!length)
                return NULL;
            p += length;
            break;
        default:
            return NULL;
        }
    }
    return NULL;
}

static const unsigned char *after_blanks(const unsigned char *p, const unsigned char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

static int begins_with(const unsigned char *p, const unsigned char *end, const char *word)
{
    for (; *word; word++, p++)
        if (p >= end || (*p | 32) != *word)
            return 0;
    return 1;
}

/* Whether redaction has to see a text; the same as `_suspicious` of redact.py, or more often. */
static int suspicious(const unsigned char *p, const unsigned char *end)
{
    int weight = 0, run = 0;
    for (; p < end; p++) {
        weight += weight_of[*p];
        run = in_run[*p] ? run + 1 : 0;
        if (weight >= SUSPICIOUS || run >= LONG_RUN)
            return 1;
        if ((*p | 32) == 'p'
            && (begins_with(p, end, "passwor") || begins_with(p, end, "passcod") || begins_with(p, end, "passphr")
                || begins_with(p, end, "private key")))
            return 1;
    }
    return 0;
}

static int number(const unsigned char *p, int digits)
{
    int found = 0;
    for (int i = 0; i < digits; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        found = 10 * found + (p[i] - '0');
    }
    return found;
}

static int64_t days_since_1970(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t past = year - 1;
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return 365 * past + past / 4 - past / 100 + past / 400 - 719162 + before[month - 1] + (leap && month > 2) + day - 1;
}

static int days_in(int year, int month)
{
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 ? 28 + leap : 30 + ((month + (month > 7)) & 1);
}

/* `2026-05-01T12:00:00[.123456]Z` (or `+00:00`), from 2000 on, as milliseconds since 1970, cut; -1 where it is not. */
static int64_t moment(const unsigned char *p, const unsigned char *end)
{
    if (end - p < 20 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' || p[16] != ':')
        return -1;
    int year = number(p, 4), month = number(p + 5, 2), day = number(p + 8, 2);
    int hour = number(p + 11, 2), minute = number(p + 14, 2), second = number(p + 17, 2), ms = 0;
    if (year < 2000 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    p += 19;
    if (*p == '.') {
        int digits = 0;
        for (p++; p < end && *p >= '0' && *p <= '9'; p++, digits++)
            if (digits < 3)
                ms = 10 * ms + (*p - '0');
        if (digits < 1 || digits > 6)
            return -1;
        for (; digits < 3; digits++)
            ms *= 10;
    }
    if (!(end - p == 1 && *p == 'Z') && !(end - p == 6 && !memcmp(p, "+00:00", 6)))
        return -1;
    return (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
}

#endif
