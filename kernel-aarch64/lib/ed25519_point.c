#include "lib/ed25519_point.h"

/* RFC 8032 §5.1: d = -121665/121666, and a square root of -1, 2^((p-1)/4). */
static const struct field D = {{0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff}};
static const struct field TWO_D = {{0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}};
static const struct field ROOT_M1 = {{0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}};
static const struct field ONE = {{1}};
static const struct field ZERO = {};

/* y = 4/5, and the even x that belongs to it. */
static const struct point BASE = {
    .x = {{0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5}},
    .y = {{0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666}},
    .z = {{1}},
    .t = {{0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e, 0x332b375274732, 0x67875f0fd78b7}},
};

/* What an addition needs of its second point. `difference` is loose, the others at most a sum of two tight elements. */
struct addend {
    struct field sum, difference, two_z, two_dt; /* y + x, y - x, 2z, 2dt */
};

/* A result before its last products: x = e f, y = g h, z = f g, t = e h. All loose. */
struct factors {
    struct field e, f, g, h;
};

static void finish_without_t(struct point *out, const struct factors *in) {
    field_multiply(&out->x, &in->e, &in->f);
    field_multiply(&out->y, &in->g, &in->h);
    field_multiply(&out->z, &in->f, &in->g);
}

static void finish(struct point *out, const struct factors *in) {
    finish_without_t(out, in);
    field_multiply(&out->t, &in->e, &in->h);
}

/* §3.3 of the paper, with all four factors' signs turned where that saves a negation. Does not read t. */
static void double_point(struct factors *out, const struct point *a) {
    struct field xx, yy, zz, twice, xy;
    field_square(&xx, &a->x);
    field_square(&yy, &a->y);
    field_square(&zz, &a->z);
    field_add(&twice, &zz, &zz);
    field_add(&xy, &a->x, &a->y);
    field_square(&xy, &xy);
    field_add(&out->h, &xx, &yy);
    field_subtract(&out->e, &xy, &out->h);
    field_subtract(&out->g, &yy, &xx);
    field_add(&twice, &twice, &xx); /* below 2^53; f = 2zz - g without a difference of differences */
    field_subtract(&out->f, &twice, &yy);
}

/* §3.1. A negative addend swaps sum and difference, and turns the sign of two_dt, which exchanges f and g. */
static void add_point(struct factors *out, const struct point *a, const struct addend *b, bool negative) {
    struct field low, high, c, d;
    field_subtract(&low, &a->y, &a->x);
    field_multiply(&low, &low, negative ? &b->sum : &b->difference);
    field_add(&high, &a->y, &a->x);
    field_multiply(&high, &high, negative ? &b->difference : &b->sum);
    field_multiply(&c, &a->t, &b->two_dt);
    field_multiply(&d, &a->z, &b->two_z);
    field_subtract(&out->e, &high, &low);
    field_add(&out->h, &high, &low);
    field_subtract(negative ? &out->g : &out->f, &d, &c);
    field_add(negative ? &out->f : &out->g, &d, &c);
}

static void make_addend(struct addend *out, const struct point *a) {
    field_add(&out->sum, &a->y, &a->x);
    field_subtract(&out->difference, &a->y, &a->x);
    field_add(&out->two_z, &a->z, &a->z);
    field_multiply(&out->two_dt, &a->t, &TWO_D);
}

constexpr uint32_t TABLE_SIZE = 1u << (NAF_WIDTH - 2); /* 1a, 3a, 5a, ... 15a */

static void make_table(struct addend table[TABLE_SIZE], const struct point *a) {
    struct factors factors;
    struct point odd = *a, twice;
    struct addend step;
    double_point(&factors, a);
    finish(&twice, &factors);
    make_addend(&step, &twice);
    for (uint32_t i = 0;; i++) {
        make_addend(&table[i], &odd);
        if (i == TABLE_SIZE - 1) { return; }
        add_point(&factors, &odd, &step, false);
        finish(&odd, &factors);
    }
}

static void add_digit(struct factors *factors, struct point *sum, const struct addend *table, int8_t digit) {
    if (digit == 0) { return; }
    finish(sum, factors);
    const uint32_t magnitude = (uint32_t)(digit < 0 ? -digit : digit);
    add_point(factors, sum, &table[magnitude / 2], digit < 0);
}

/* Straus: both scalars share the doublings. The base point's table is made each time: 10 products for each of its 8
 * entries are less than 3 % of the whole, and no 2^k table lies in the image. */
void point_multiply_add(struct point *out, const struct scalar *s, const struct scalar *k, const struct point *a) {
    int8_t s_digit[NAF_DIGITS], k_digit[NAF_DIGITS];
    struct addend base_table[TABLE_SIZE], a_table[TABLE_SIZE];
    scalar_naf(s_digit, s);
    scalar_naf(k_digit, k);
    make_table(base_table, &BASE);
    make_table(a_table, a);
    struct point sum = {ZERO, ONE, ONE, ZERO};
    uint32_t i = NAF_DIGITS;
    while (i > 0 && s_digit[i - 1] == 0 && k_digit[i - 1] == 0) { i--; }
    while (i-- > 0) {
        struct factors factors;
        double_point(&factors, &sum);
        add_digit(&factors, &sum, base_table, s_digit[i]);
        add_digit(&factors, &sum, a_table, k_digit[i]);
        finish_without_t(&sum, &factors); /* the next step doubles first */
    }
    *out = sum;
}

void point_negate(struct point *out, const struct point *a) {
    struct field zero = ZERO;
    out->y = a->y;
    out->z = a->z;
    field_subtract(&out->x, &zero, &a->x);
    field_subtract(&out->t, &zero, &a->t);
    field_multiply(&out->x, &out->x, &ONE); /* tight again */
    field_multiply(&out->t, &out->t, &ONE);
}

bool point_has_small_order(const struct point *a) {
    struct point multiple = *a;
    struct factors factors;
    for (uint32_t i = 0; i < 3; i++) {
        double_point(&factors, &multiple);
        finish_without_t(&multiple, &factors);
    }
    return field_is_zero(&multiple.x); /* else only of (0, -1), which is 8 times none: no point has order 16 */
}

/* x of a point from its y: a root of u/v = (y^2 - 1) / (d y^2 + 1), as RFC 8032 §5.1.3 computes it. */
static bool recover_x(struct field *x, const struct field *y) {
    struct field yy, u, v, v3, power, check;
    field_square(&yy, y);
    field_subtract(&u, &yy, &ONE);
    field_multiply(&v, &yy, &D);
    field_add(&v, &v, &ONE);
    field_square(&v3, &v);
    field_multiply(&v3, &v3, &v);
    field_square(&power, &v3);
    field_multiply(&power, &power, &v); /* v^7 */
    field_multiply(&power, &power, &u);
    field_power_p58(&power, &power);
    field_multiply(&power, &power, &v3);
    field_multiply(x, &power, &u); /* u v^3 (u v^7)^((p-5)/8) */
    field_square(&check, x);
    field_multiply(&check, &check, &v); /* v x^2 is u, -u, or there is no root */
    field_multiply(&u, &u, &ONE);
    struct field difference, sum;
    field_subtract(&difference, &check, &u);
    if (field_is_zero(&difference)) { return true; }
    field_add(&sum, &check, &u);
    if (!field_is_zero(&sum)) { return false; }
    field_multiply(x, x, &ROOT_M1);
    return true;
}

bool point_load(struct point *out, const uint8_t bytes[32]) {
    const bool odd = (bytes[31] & 0x80u) != 0;
    field_load(&out->y, bytes);
    if (!recover_x(&out->x, &out->y)) { return false; }
    if (field_is_odd(&out->x) != odd) {
        struct field negative, zero = ZERO;
        field_subtract(&negative, &zero, &out->x);
        field_multiply(&out->x, &negative, &ONE);
    }
    out->z = ONE;
    field_multiply(&out->t, &out->x, &out->y);
    uint8_t canonical[32]; /* differs for y from p on, and for x = 0 with the sign bit */
    field_store(canonical, &out->y);
    canonical[31] |= (uint8_t)(field_is_odd(&out->x) << 7);
    return __builtin_memcmp(canonical, bytes, sizeof canonical) == 0;
}

void point_store(uint8_t bytes[32], const struct point *a) {
    struct field inverse, x, y;
    field_invert(&inverse, &a->z);
    field_multiply(&x, &a->x, &inverse);
    field_multiply(&y, &a->y, &inverse);
    field_store(bytes, &y);
    bytes[31] |= (uint8_t)(field_is_odd(&x) << 7);
}
