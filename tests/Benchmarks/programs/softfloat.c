/* softfloat - double precision arithmetic of IEEE 754 in integers (normal numbers, round to nearest even), checked against
 * the compiler's own, and used for Mandelbrot points and for a linear system. On both machines the integers do the work. */
#include "checksum.h"

typedef uint64_t number;

#define SIGN (1ul << 63)
#define HIDDEN (1ul << 52)

static number pack(number sign, int exponent, uint64_t fraction)
{
    /* fraction has its leading one at bit 62; the ten bits below the last place and a sticky bit decide the rounding */
    uint64_t rest = fraction & 1023;
    uint64_t result = (fraction >> 10) + ((uint64_t)(exponent - 1) << 52);
    result += rest > 512 || (rest == 512 && result & 1);
    return sign | result;
}

static number normalise(number sign, int exponent, uint64_t fraction)
{
    if (!fraction)
        return 0;
    int shift = __builtin_clzl(fraction) - 1;
    return pack(sign, exponent - shift, fraction << shift);
}

static int exponent_of(number a) { return (int)(a >> 52 & 2047); }

static uint64_t fraction_of(number a) { return (a & (HIDDEN - 1)) | HIDDEN; }

static number add(number a, number b)
{
    if (!(b & ~SIGN))
        return a;
    if (!(a & ~SIGN))
        return b;
    if ((a & ~SIGN) < (b & ~SIGN)) {
        number swapped = a;
        a = b;
        b = swapped;
    }
    int exponent = exponent_of(a), distance = exponent - exponent_of(b);
    uint64_t large = fraction_of(a) << 9, small = fraction_of(b) << 9;
    if (distance > 62)
        small = 1;
    else if (distance)
        small = small >> distance | (small << (64 - distance) != 0);
    uint64_t sum = (a ^ b) & SIGN ? large - small : large + small;
    return normalise(a & SIGN, exponent + 1, sum);
}

static number subtract(number a, number b) { return add(a, b ^ SIGN); }

static number multiply(number a, number b)
{
    number sign = (a ^ b) & SIGN;
    if (!(a & ~SIGN) || !(b & ~SIGN))
        return sign;
    unsigned __int128 product = (unsigned __int128)(fraction_of(a) << 10) * (fraction_of(b) << 10);
    uint64_t high = (uint64_t)(product >> 63) | ((uint64_t)product << 1 != 0);
    int exponent = exponent_of(a) + exponent_of(b) - 1023;
    return high >> 62 ? pack(sign, exponent + 1, high) : pack(sign, exponent, high << 1);
}

static number divide(number a, number b)
{
    number sign = (a ^ b) & SIGN;
    if (!(a & ~SIGN))
        return sign;
    int exponent = exponent_of(a) - exponent_of(b) + 1023;
    uint64_t left = fraction_of(a), divisor = fraction_of(b), quotient = 0;
    if (left < divisor) {
        left <<= 1;
        exponent--;
    }
    for (int bit = 62; bit >= 8; bit--) {
        if (left >= divisor) {
            left -= divisor;
            quotient |= 1ul << bit;
        }
        left <<= 1;
    }
    return pack(sign, exponent, quotient | (left != 0));
}

static int less(number a, number b)
{
    if ((a ^ b) & SIGN)
        return a >> 63 && ((a | b) & ~SIGN);
    return a >> 63 ? b < a : a < b;
}

static number from_int(int64_t value)
{
    return value < 0 ? normalise(SIGN, 1023 + 62, -(uint64_t)value) : normalise(0, 1023 + 62, (uint64_t)value);
}

static void check(uint64_t turns)
{
    for (uint64_t i = 0; i < turns; i++) {
        /* exponents near each other, so that sums cancel and round */
        number a = (next_random() & (SIGN | (HIDDEN - 1))) | (1000 + next_random() % 60) << 52;
        number b = (next_random() & (SIGN | (HIDDEN - 1))) | (1000 + next_random() % 60) << 52;
        if (i % 8 == 0)
            b = a ^ SIGN ^ (next_random() & 7);
        double x, y, results[4];
        memcpy(&x, &a, 8);
        memcpy(&y, &b, 8);
        results[0] = x + y;
        results[1] = x - y;
        results[2] = x * y;
        results[3] = x / y;
        number ours[4] = { add(a, b), subtract(a, b), multiply(a, b), divide(a, b) };
        require(memcmp(results, ours, sizeof ours) == 0);
        require(less(a, b) == (x < y));
        mix(ours[2]);
    }
}

static void mandelbrot(int width)
{
    number step = divide(from_int(3), from_int(width)), four = from_int(4);
    for (int row = 0; row < width; row++) {
        number y0 = subtract(multiply(from_int(row), step), from_int(1));
        for (int column = 0; column < width; column++) {
            number x0 = subtract(multiply(from_int(column), step), from_int(2)), x = 0, y = 0;
            int turns = 0;
            for (; turns < 50; turns++) {
                number xx = multiply(x, x), yy = multiply(y, y);
                if (less(four, add(xx, yy)))
                    break;
                number xy = multiply(x, y);
                x = add(subtract(xx, yy), x0);
                y = add(add(xy, xy), y0);
            }
            mix((uint64_t)turns);
        }
    }
}

enum { UNKNOWNS = 24 };

static void linear_system(void)
{
    static number a[UNKNOWNS][UNKNOWNS + 1];
    for (int i = 0; i < UNKNOWNS; i++) {
        number sum = 0;
        for (int j = 0; j < UNKNOWNS; j++) {
            a[i][j] = from_int((int64_t)(next_random() % 2001) - 1000 + (i == j ? 30000 : 0));
            sum = add(sum, multiply(a[i][j], from_int(j + 1)));
        }
        a[i][UNKNOWNS] = sum; /* so that the solution is 1, 2, 3... */
    }
    for (int k = 0; k < UNKNOWNS; k++) {
        for (int i = k + 1; i < UNKNOWNS; i++) {
            number factor = divide(a[i][k], a[k][k]);
            for (int j = k; j <= UNKNOWNS; j++)
                a[i][j] = subtract(a[i][j], multiply(factor, a[k][j]));
        }
    }
    number tolerance = divide(from_int(1), from_int(1000000000));
    for (int i = UNKNOWNS; i-- > 0;) {
        number x = a[i][UNKNOWNS];
        for (int j = i + 1; j < UNKNOWNS; j++)
            x = subtract(x, multiply(a[i][j], a[j][UNKNOWNS]));
        a[i][UNKNOWNS] = x = divide(x, a[i][i]);
        require(less(subtract(x, from_int(i + 1)) & ~SIGN, tolerance));
        mix(x);
    }
}

int main(void)
{
    check(200);
    for (int turn = 0; turn < SIZE; turn++) {
        mandelbrot(24 + turn % 8);
        linear_system();
    }
    return finish("softfloat");
}
