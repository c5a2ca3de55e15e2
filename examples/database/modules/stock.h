// What clients say to the store: NAME=CHANGE, such as apples=-1; the answer is how many pieces there are then, in digits.
#ifndef STOCK_H
#define STOCK_H
enum { NAME_BYTES = 16, CHANGE_BYTES = 40, COUNT_BYTES = 20 };
#endif
