// The board's event manager: carries records between the UART and the protected modules. Not trusted.
//
// Link (docs/sancus-nodes.md): the gateway's bridge asks, the board answers; a question that comes again is answered again
// with the same bytes and not carried out. While the board computes the bridge is silent, and the board grants how much
// may come next with each answer, so a UART with a buffer of one byte loses nothing.
//
//     0x7e | escaped( turn u8 | type u8 | body | CRC-16/X.25, low byte first ) | 0x7e
//     answer: turn | 0x80 + type | status u16 | credit u16 | body               little-endian

typedef unsigned char u8;
typedef unsigned int u16;

enum { FLAG = 0x7e, ESCAPE = 0x7d, INVERT = 0x20 };
enum { IN = 560, OUT = 880, HEADER = 6, CREDIT = 512 };
enum { WRITE = 1, ENABLE, CALL, INFO, RESET, ANSWER = 0x80, ATTENTION = 0x90, BOOTED = 0x91 };
enum { DONE, UNKNOWN, NO_MODULE, REFUSED, VIOLATION };
enum { VERSION = 1 };

#define UART_CONTROL (*(volatile u8 *)0x80)
#define UART_STATUS (*(volatile u8 *)0x81)
#define UART_BAUD (*(volatile u16 *)0x82)
#define UART_SEND (*(volatile u8 *)0x84)
#define UART_RECEIVED (*(volatile u8 *)0x85)
#define WATCHDOG (*(volatile u16 *)0x120)
enum { ENABLED = 0x01, RECEIVE_INTERRUPT = 0x10, FULL = 0x08, PENDING = 0x10, OVERRUN = 0x20 };

u16 call_module(u16 start, u16 entry, const u16 arguments[4]);
u16 enable_module(const u8 *layout);
u16 module_id(u16 address);
void sleep(void);

u16 refused;
volatile u8 ports; // interrupts of ports 1 and 2 nobody has been told of

static u8 in[IN] __attribute__((aligned(2))), out[OUT] __attribute__((aligned(2)));
static u16 in_length, out_length, question_length;
static u8 last_turn;
static u8 escaped, complete;

// CRC-16/X.25 of a byte more.
static u16 crc(u16 sum, u8 byte)
{
    byte ^= (u8)sum;
    byte ^= (u8)(byte << 4);
    return (u16)((u16)byte << 8 | sum >> 8) ^ (u16)(byte >> 4) ^ (u16)(byte << 3);
}

// Takes a byte from the line, if there is one. At 1 Mbaud and 20 MHz there are 200 cycles for each.
static void listen(void)
{
    if (!(UART_STATUS & PENDING))
        return;
    u8 byte = UART_RECEIVED;
    UART_STATUS = PENDING | OVERRUN;
    if (byte == FLAG) {
        complete = in_length >= 4;
        question_length = in_length;
        in_length = 0;
        escaped = 0;
    } else if (byte == ESCAPE) {
        escaped = INVERT;
    } else if (in_length < IN && !complete) {
        in[in_length++] = byte ^ escaped;
        escaped = 0;
    }
}

static void put(u8 byte)
{
    while (UART_STATUS & FULL)
        listen();
    UART_SEND = byte;
}

static void put_escaped(u8 byte)
{
    if (byte == FLAG || byte == ESCAPE) {
        put(ESCAPE);
        byte ^= INVERT;
    }
    put(byte);
}

static void send(const u8 *bytes, u16 length)
{
    u16 sum = 0xffff;
    put(FLAG);
    for (; length; length--, bytes++) {
        sum = crc(sum, *bytes);
        put_escaped(*bytes);
    }
    sum = ~sum;
    put_escaped((u8)sum);
    put_escaped((u8)(sum >> 8));
    put(FLAG);
}

// Something happened that nobody asked about.
static void tell(u8 type, u8 what)
{
    u8 message[3] = {0, type, what};
    send(message, sizeof message);
}

static u16 word(const u8 *at) { return at[0] | (u16)at[1] << 8; }

static void status(u16 value)
{
    out[2] = (u8)value;
    out[3] = (u8)(value >> 8);
}

// Carries out a question; returns the bytes of the answer's body.
static u16 carry_out(u8 type, u8 *body, u16 length)
{
    if (type == WRITE && length >= 2) {
        u8 *to = (u8 *)word(body);
        for (u16 i = 2; i < length; i++)
            *to++ = body[i];
    } else if (type == ENABLE && length == 10) {
        u16 id = enable_module(body);
        out[HEADER] = (u8)id;
        out[HEADER + 1] = (u8)(id >> 8);
        return 2;
    } else if (type == CALL && length >= 4) {
        u16 start = word(body), arguments[4] = {(u16)(body + 4), length - 4, (u16)(out + HEADER), OUT - HEADER};
        if (!module_id(start)) {
            status(NO_MODULE);
            return 0;
        }
        u16 written = call_module(start, word(body + 2), arguments);
        if (refused) {
            status(REFUSED);
            return 0;
        }
        return written <= OUT - HEADER ? written : 0;
    } else if (type == INFO) {
        out[HEADER] = VERSION;
        out[HEADER + 1] = 0;
        return 2;
    } else if (type == RESET) {
        WATCHDOG = 0; // without the password: a reset
    } else {
        status(UNKNOWN);
    }
    return 0;
}

static void answer(u16 length)
{
    out_length = HEADER + length;
    last_turn = out[0];
    complete = 0;
    send(out, out_length);
}

static void work(void)
{
    for (;;) {
        while (!complete) {
            if (ports) {
                tell(ATTENTION, ports);
                ports = 0;
                while (!complete)
                    listen(); // without interrupts: the port's stays until its driver has seen to it
            } else {
                listen();
                if (!complete && !(UART_STATUS & PENDING))
                    sleep();
            }
        }
        u16 sum = 0xffff;
        for (u16 i = 0; i < question_length; i++)
            sum = crc(sum, in[i]);
        if (sum != 0xf0b8) {
            complete = 0; // the bridge asks again
        } else if (in[0] == last_turn) {
            complete = 0;
            send(out, out_length);
        } else {
            out[0] = in[0];
            out[1] = ANSWER | in[1];
            out[4] = (u8)CREDIT;
            out[5] = (u8)(CREDIT >> 8);
            status(DONE);
            answer(carry_out(in[1], in + 2, question_length - 4));
        }
    }
}

// A module broke a rule while it carried out a question.
void violated(void)
{
    status(VIOLATION);
    answer(0);
    work();
}

void main(void)
{
    UART_BAUD = BAUD_DIVISOR;
    UART_CONTROL = ENABLED | RECEIVE_INTERRUPT;
    tell(BOOTED, VERSION);
    work();
}
