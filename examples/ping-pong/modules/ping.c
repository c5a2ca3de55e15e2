// Ping: serves, and hits the ball as often as it is configured to. Only the ball it waits for counts.
#include <authentic.h>
#include "ball.h"

AUTHENTIC_CONFIG_INTEGER(returns)
AUTHENTIC_OUTPUT(there, BALL_BYTES)
AUTHENTIC_OUTPUT(score, BALL_BYTES)

static uint16_t hits; // of the ball when it left

static void hit(uint16_t before) {
    uint8_t ball[BALL_BYTES];
    store_ball(ball, before + 1);
    if (there(ball, sizeof ball) == AUTHENTIC_OK) hits = before + 1;
}

AUTHENTIC_ENTRY(serve, 0) {
    if (hits == 0) hit(0);
}

AUTHENTIC_INPUT(back, BALL_BYTES) {
    if (length != BALL_BYTES || load_ball(data) != hits + 1) return;
    hits++;
    uint8_t returned[BALL_BYTES];
    store_ball(returned, hits / 2);
    score(returned, sizeof returned);
    if (hits / 2 < returns()) hit(hits);
}
