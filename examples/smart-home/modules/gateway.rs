//! Gateway: reads an HTTP request, does what it may do, and answers. Whatever arrives from the web, the thermostat is never told
//! a target outside of the measured limits, and nothing else in the home can be reached.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Local, Refused, Result, config, handler, input, output, write_text};

#[config]
fn coldest() -> i64;
#[config]
fn warmest() -> i64;

#[output(1)]
fn target(data: &[u8]) -> Result;
#[output(1)]
fn lamp(data: &[u8]) -> Result;
#[output(1)]
fn fan(data: &[u8]) -> Result;

/// What the home said last.
#[derive(Clone, Copy)]
struct Home {
    degrees: u8,
    heats: u8,
    target: u8,
    lamp: u8,
    fan: u8,
}

static HOME: Local<Home> = Local::new(Home { degrees: 0, heats: 0, target: 0, lamp: 0, fan: 0 });

#[input(3)]
fn climate(data: &[u8]) {
    if let &[degrees, heats, target] = data {
        HOME.with(|home| *home = Home { degrees, heats, target, ..*home });
    }
}

#[input(1)]
fn lamp_turned(data: &[u8]) {
    if let &[on] = data {
        HOME.with(|home| home.lamp = on);
    }
}

#[input(1)]
fn fan_turned(data: &[u8]) {
    if let &[on] = data {
        HOME.with(|home| home.fan = on);
    }
}

/// The answer to a request: status and body.
enum Answer {
    Home,
    Done,
    Unknown,
    OutOfBounds,
}

fn switched(word: &str) -> Option<[u8; 1]> {
    match word {
        "on" => Some([1]),
        "off" => Some([0]),
        _ => None,
    }
}

fn route(method: &str, path: &str) -> core::result::Result<Answer, Refused> {
    let mut words = path.trim_start_matches('/').split('/');
    let (what, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (method, what) {
        ("GET", "") => Ok(Answer::Home),
        ("POST", "target") => {
            let Some(degrees) = value.parse::<u8>().ok().filter(|degrees| (coldest()..=warmest()).contains(&i64::from(*degrees))) else {
                return Ok(Answer::OutOfBounds);
            };
            target(&[degrees])?;
            Ok(Answer::Done)
        }
        ("POST", "lamp" | "fan") => {
            let Some(on) = switched(value) else { return Ok(Answer::OutOfBounds) };
            if what == "lamp" { lamp(&on)? } else { fan(&on)? }
            Ok(Answer::Done)
        }
        _ => Ok(Answer::Unknown),
    }
}

/// One request and its answer, as they are on the wire.
#[handler(4096, reply = 512)]
fn http(data: &[u8], reply: &mut [u8]) -> core::result::Result<usize, Refused> {
    let line = data.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = str::from_utf8(line)?.split(' ');
    let answer = route(words.next().unwrap_or_default(), words.next().unwrap_or_default())?;
    let mut body = [0; 256];
    let (status, length) = match answer {
        Answer::Home => {
            let Home { degrees, heats, target, lamp, fan } = HOME.get();
            let on = |on: u8| if on == 1 { "on" } else { "off" };
            ("200 OK", write_text(&mut body, format_args!("{degrees} degrees, {target} wanted\nheater {}\nlamp {}\nfan {}\n", on(heats), on(lamp), on(fan)))?)
        }
        Answer::Done => ("202 Accepted", write_text(&mut body, format_args!("on its way\n"))?),
        Answer::Unknown => ("404 Not Found", write_text(&mut body, format_args!("GET /, POST /target/DEGREES, /lamp/on, /lamp/off, /fan/on, /fan/off\n"))?),
        Answer::OutOfBounds => ("422 Unprocessable Content", write_text(&mut body, format_args!("a target is between {} and {} degrees, a switch on or off\n", coldest(), warmest()))?),
    };
    let body = str::from_utf8(&body[..length])?;
    Ok(write_text(reply, format_args!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))?)
}
