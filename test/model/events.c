/* The module at both ends of the modelled connection: it emits numbered events, and says what it has received. */
#include <authentic.h>

AUTHENTIC_CONFIG_INTEGER(emitted) /* events of the incarnations before */

AUTHENTIC_INPUT(receive, 8) {
    char text[] = "received 0";
    text[9] = (char)('0' + *(const uint8_t *)data);
    if (authentic_event()->reset) text[8] = '!';
    if (length == 1) authentic_log(text);
}
AUTHENTIC_OUTPUT(event, 8)
AUTHENTIC_ENTRY(emit, 0) {
    static uint8_t more;
    (void)data;
    (void)length;
    uint8_t number = (uint8_t)(emitted() + ++more);
    event(&number, 1);
}
