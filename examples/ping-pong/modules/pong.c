// Pong: hits every ball back.
#include <authentic.h>
#include "ball.h"

AUTHENTIC_OUTPUT(back, BALL_BYTES)

AUTHENTIC_INPUT(there, BALL_BYTES) {
    if (length != BALL_BYTES) return;
    uint8_t ball[BALL_BYTES];
    store_ball(ball, load_ball(data) + 1);
    back(ball, sizeof ball);
}
