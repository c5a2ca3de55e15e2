/* Sizes on a board with 2 KiB of RAM a module. The builder includes this before everything else, in kit and module. */
#ifndef AUTHENTIC_BOARD_LIMITS_H
#define AUTHENTIC_BOARD_LIMITS_H

#define AUTHENTIC_EVENT 128
#define AUTHENTIC_CONNECTIONS 4
#define AUTHENTIC_CLIENTS 1
#define AUTHENTIC_STAGE 256
#define AUTHENTIC_MESSAGE 256

#endif
