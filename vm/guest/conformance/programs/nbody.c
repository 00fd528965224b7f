/* nbody - five bodies under gravity, in double precision that the compiler does in software. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 100
#endif

struct body {
    double position[3], velocity[3], mass;
};

static struct body bodies[5] = {
    { { 0, 0, 0 }, { 0, 0, 0 }, 1000 },
    { { 10, 0, 0.5 }, { 0, 10, 0 }, 1 },
    { { 0, 18, -0.25 }, { -7.5, 0, 0.125 }, 2 },
    { { -30, 1, 1 }, { 0.25, -5.75, 0 }, 0.5 },
    { { 3, -45, 0 }, { 4.75, 0, -0.0625 }, 0.75 },
};

/* Newton's iteration from an estimate out of the exponent; IEEE arithmetic makes it the same everywhere. */
static double square_root(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    bits = (bits >> 1) + (0x3FFul << 51);
    double guess;
    memcpy(&guess, &bits, 8);
    for (int i = 0; i < 5; i++)
        guess = 0.5 * (guess + x / guess);
    return guess;
}

static double distance_squared(const struct body *a, const struct body *b)
{
    double sum = 0;
    for (int axis = 0; axis < 3; axis++) {
        double d = a->position[axis] - b->position[axis];
        sum += d * d;
    }
    return sum;
}

static double energy(void)
{
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        const struct body *b = &bodies[i];
        for (int axis = 0; axis < 3; axis++)
            sum += 0.5 * b->mass * b->velocity[axis] * b->velocity[axis];
        for (int j = i + 1; j < 5; j++)
            sum -= b->mass * bodies[j].mass / square_root(distance_squared(b, &bodies[j]));
    }
    return sum;
}

static void advance(double dt)
{
    for (int i = 0; i < 5; i++) {
        for (int j = i + 1; j < 5; j++) {
            double squared = distance_squared(&bodies[i], &bodies[j]);
            double scale = dt / (squared * square_root(squared));
            for (int axis = 0; axis < 3; axis++) {
                double d = bodies[i].position[axis] - bodies[j].position[axis];
                bodies[i].velocity[axis] -= d * bodies[j].mass * scale;
                bodies[j].velocity[axis] += d * bodies[i].mass * scale;
            }
        }
    }
    for (int i = 0; i < 5; i++) {
        for (int axis = 0; axis < 3; axis++)
            bodies[i].position[axis] += dt * bodies[i].velocity[axis];
    }
}

int main(void)
{
    double before = energy();
    for (int i = 0; i < SIZE; i++)
        advance(0.001);
    double drift = (energy() - before) / before;
    require(drift < 1e-3 && drift > -1e-3);
    mix_bytes(bodies, sizeof bodies);
    return finish("nbody");
}
