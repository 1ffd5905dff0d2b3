/* SPDX-License-Identifier: Apache-2.0
 * Unit tests in TAP. A test file holds TEST("sentence") { ... } blocks and nothing else is needed:
 *
 *     TEST("an empty string is empty") { CHECK(str_of("").n == 0); CHECK_STR(str_of("a"), "a"); }
 *     TEST_MAIN
 *
 * CHECK goes on after a failure and tells place and expression. */
#pragma once

#include "base/str.h"

#include <stdio.h>

typedef void test_fn(void);
struct test {
    const char *title;
    test_fn *run;
    struct test *next;
};

extern struct test *test_first;
extern struct test **test_last;
extern int test_failures_now;

int test_run_all(void);
void test_failed(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define TEST_JOIN_(a, b) a##b
#define TEST_JOIN(a, b) TEST_JOIN_(a, b)
#define TEST(sentence) TEST_(sentence, TEST_JOIN(test_at_, __LINE__))
#define TEST_(sentence, name)                                                                      \
    static void name(void);                                                                        \
    static struct test TEST_JOIN(name, _entry) = {sentence, name, NULL};                           \
    __attribute__((constructor)) static void TEST_JOIN(name, _register)(void)                      \
    {                                                                                              \
        *test_last = &TEST_JOIN(name, _entry);                                                     \
        test_last = &TEST_JOIN(name, _entry).next;                                                 \
    }                                                                                              \
    static void name(void)

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            test_failed(__FILE__, __LINE__, "%s", #x);                                             \
        }                                                                                          \
    } while (0)

#define CHECK_INT(actual, expected)                                                                \
    do {                                                                                           \
        long long a_ = (long long)(actual), e_ = (long long)(expected);                            \
        if (a_ != e_) {                                                                            \
            test_failed(__FILE__, __LINE__, "%s is %lld, expected %lld", #actual, a_, e_);         \
        }                                                                                          \
    } while (0)

/* actual: struct str; expected: C string. */
#define CHECK_STR(actual, expected)                                                                \
    do {                                                                                           \
        struct str a_ = (actual), e_ = str_of(expected);                                           \
        if (!str_eq(a_, e_)) {                                                                     \
            test_failed(__FILE__, __LINE__, "%s is \"%.*s\", expected \"%.*s\"", #actual,          \
                        STR_ARG(a_), STR_ARG(e_));                                                 \
        }                                                                                          \
    } while (0)

#define TEST_MAIN                                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        return test_run_all();                                                                     \
    }
