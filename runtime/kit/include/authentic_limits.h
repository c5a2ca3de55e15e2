/* Sizes fixed at compile time; a port may define smaller ones for the kit and the module alike. */
#ifndef AUTHENTIC_LIMITS_H
#define AUTHENTIC_LIMITS_H

#define AUTHENTIC_NAME 48         /* bytes of a declaration's name with its terminating zero (protocol.md section 3) */
#define AUTHENTIC_DECLARATIONS 64 /* of one module: grants and pins are numbered by endpoint */
#define AUTHENTIC_LOG 1024        /* bytes of a log line */

#ifndef AUTHENTIC_EVENT
#define AUTHENTIC_EVENT 65536 /* bytes of an event, request or reply */
#endif
#ifndef AUTHENTIC_CONNECTIONS
#define AUTHENTIC_CONNECTIONS 128 /* of one module */
#endif
#ifndef AUTHENTIC_CLIENTS
#define AUTHENTIC_CLIENTS 8 /* connections to one handler: each keeps its last reply */
#endif
#ifndef AUTHENTIC_STAGE
#define AUTHENTIC_STAGE (8 * AUTHENTIC_EVENT) /* bytes of outputs that wait for the end of an event */
#endif
#ifndef AUTHENTIC_EXTRAS
#define AUTHENTIC_EXTRAS 16384 /* bytes of device writes and log lines while one event is processed */
#endif
#ifndef AUTHENTIC_OUT
#define AUTHENTIC_OUT (4 * AUTHENTIC_EVENT) /* bytes that the out ring has at least */
#endif
#ifndef AUTHENTIC_REPORT
#define AUTHENTIC_REPORT 432 /* bytes of what a TEE says of a module */
#endif
#ifndef AUTHENTIC_MESSAGE
#define AUTHENTIC_MESSAGE (2 * AUTHENTIC_EVENT - 8) /* bytes of a protocol message: a whole hand-over */
#endif

#endif
