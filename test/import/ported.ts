// What people write after an import: sources of modules with their functions, and the devices that these use, for the descriptors
// of each kind and of all kinds.

/** Modules of one descriptor. */
export interface Ported {
    /** By its path in the project. */
    readonly sources: Readonly<Record<string, string>>;
    /** `devices` of modules, which a descriptor of reactive-tools cannot have. */
    readonly devices?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The desk asks the enclave how often the button's events came, which went over the lamp. */
export const ALL_KINDS_PORTED: Ported = { sources: {
    "modules/button.c": "#include <authentic.h>\nAUTHENTIC_OUTPUT(pressed, 1)\nAUTHENTIC_ENTRY(press, 0) {\n    (void)data;\n    (void)length;\n    pressed(\"\\1\", 1);\n}\n",
    "modules/lamp.c": "#include <authentic.h>\nAUTHENTIC_OUTPUT(toggled, 1)\nAUTHENTIC_INPUT(toggle, 1) {\n    if (length == 1) toggled(data, 1);\n}\n",
    "modules/ledger.rs": `#![no_std]
use authentic::{Local, Refused, handler, input};

static PRESSED: Local<u32> = Local::new(0);

#[input(1)]
fn pressed(data: &[u8]) {
    PRESSED.with(|pressed| *pressed += data.len() as u32);
}

#[handler(0, reply = 4)]
fn count(_data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    reply[..4].copy_from_slice(&PRESSED.get().to_le_bytes());
    Ok(4)
}
`,
    "modules/desk.rs": `#![no_std]
use authentic::{Refused, handler, request};

#[request(0, reply = 4)]
fn ask(data: &[u8], reply: &mut [u8]) -> authentic::Result<usize>;

#[handler(0, reply = 4)]
fn query(data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    Ok(ask(data, reply)?)
}
`,
} };

export const ONE_KIND_PORTED = {
    /** What the deployer sends goes to the sink, which adds it up; each tick the source asks for the sum and shows it. */
    sgx: {
        sources: {
            "modules/source.rs": `#![no_std]
use authentic::{Device, Result, Written, device, entry, input, output, request};

#[device]
static SHOWN: Device<Written>;

#[output(4)]
fn send(data: &[u8]) -> Result;

#[request(0, reply = 4)]
fn total(data: &[u8], reply: &mut [u8]) -> Result<usize>;

#[input(4)]
fn event3(data: &[u8]) {
    let _ = send(data);
}

#[entry]
fn tick() {
    let mut sum = [0; 4];
    if total(&[], &mut sum) == Ok(4) {
        let _ = SHOWN.write(u32::from_le_bytes(sum));
    }
}
`,
            "modules/sink.rs": `#![no_std]
use authentic::{Refused, State, handler, input, state};

#[state(1)]
static SUM: State<u32> = State::new(0);

#[input(4)]
fn receive(data: &[u8]) {
    let Ok(bytes) = data.try_into() else { return };
    SUM.with(|sum| *sum = sum.wrapping_add(u32::from_le_bytes(bytes)));
}

#[handler(0, reply = 4)]
fn total(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    reply[..4].copy_from_slice(&SUM.get().to_le_bytes());
    Ok(4)
}
`,
        },
        devices: { source: { shown: "display" } },
    },
    /** Each tick one ball, which has to come back before the next; what is shown is how many have. */
    native: {
        sources: {
            "modules/ping.rs": `#![no_std]
use authentic::{Device, Local, Result, Written, device, entry, input, output};

#[device]
static RETURNS: Device<Written>;
static BALL: Local<u32> = Local::new(0);
static BACK: Local<u32> = Local::new(0);

#[output(4)]
fn out(data: &[u8]) -> Result;

#[entry(name = "loop_event")]
fn serve() {
    if BALL.get() == BACK.get() && out(&(BALL.get() + 1).to_le_bytes()).is_ok() {
        BALL.set(BALL.get() + 1);
    }
}

#[input(4, name = "in_event")]
fn back(data: &[u8]) {
    if data == BALL.get().to_le_bytes() {
        BACK.set(BALL.get());
        let _ = RETURNS.write(BACK.get());
    }
}
`,
            "modules/pong.rs": "#![no_std]\nuse authentic::{Result, input, output};\n\n#[output(4)]\nfn out(data: &[u8]) -> Result;\n\n#[input(4, name = \"in_event\")]\nfn ball(data: &[u8]) {\n    let _ = out(data);\n}\n",
        },
        devices: { ping: { returns: "scoreboard" } },
    },
    /** A level that was read DEBOUNCE times in a row is told, and shown by the LED's driver. */
    sancus: {
        sources: {
            "modules/button_driver.c": `#include <authentic.h>

AUTHENTIC_DEVICE(button, AUTHENTIC_READ)
AUTHENTIC_OUTPUT(pressed, 1)

static uint8_t told, seen, times;

AUTHENTIC_ENTRY(poll, 0) {
    const uint8_t level = button_read() & 1;
    (void)data;
    (void)length;
    times = level == seen ? times + 1 : 1;
    seen = level;
    if (times < DEBOUNCE) return;
    times = DEBOUNCE;
    if (level != told && pressed(&level, 1) == AUTHENTIC_OK) told = level;
}
`,
            "modules/led_driver.c": "#include <authentic.h>\n\nAUTHENTIC_DEVICE(led, AUTHENTIC_WRITTEN)\n\nAUTHENTIC_INPUT(event1, 1) {\n    if (length == 1) led_write(*(const uint8_t *)data);\n}\n",
        },
        devices: { button_driver: { button: "P1" }, led_driver: { led: "P3" } },
    },
    /** Each press, a request of the deployer's, toggles the lamp. */
    trustzone: {
        sources: {
            "modules/gateway.c": `#include <authentic.h>

AUTHENTIC_OUTPUT(toggle, 1)
AUTHENTIC_INPUT(forward, 1) {
    toggle(data, length);
}
AUTHENTIC_HANDLER(press, 1, 1) {
    if (length != 1 || toggle(data, length) != AUTHENTIC_OK) return -1;
    memcpy(reply, data, 1);
    return 1;
}
`,
            "modules/lamp.c": "#include <authentic.h>\n\nAUTHENTIC_DEVICE(led, AUTHENTIC_WRITTEN)\n\nAUTHENTIC_INPUT(toggle, 1) {\n    if (length == 1) led_write(*(const uint8_t *)data);\n}\n",
        },
        devices: { lamp: { led: "led0" } },
    },
} satisfies Readonly<Record<string, Ported>>;
