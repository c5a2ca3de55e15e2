// A module for tests that calls another domain and goes on with its answer.
#include <sancus.h>

static u16 asked;

// Asks domain `id` at `target` (entry 0) about x.
SANCUS_ENTRY(ask)(u16 id, const void *target, u16 x)
{
    u16 kept = x * 3;
    const u16 arguments[4] = {x, 0, 0, 0};
    u16 answer = sancus_call(id, target, 0, arguments);
    asked++;
    return answer + kept;
}

SANCUS_ENTRY(how_often)(void)
{
    return asked;
}
