//! Scorer: keeps the score of every game. Which game a score belongs to is the number of the connection it came on.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Local, Refused, event, handler, input, write_text};

#[derive(Clone, Copy)]
struct Game {
    connection: u32,
    /// Times the ball came back, and times that this was told.
    returns: u16,
    told: u16,
}

static GAMES: Local<[Game; 32]> = Local::new([Game { connection: 0, returns: 0, told: 0 }; 32]);

#[input(2)]
fn score(data: &[u8]) {
    let Ok(bytes) = data.try_into() else { return };
    let connection = event().connection;
    GAMES.with(|games| {
        let Some(game) = games.iter_mut().find(|game| game.told == 0 || game.connection == connection) else { return };
        *game = Game { connection, returns: u16::from_be_bytes(bytes), told: game.told.wrapping_add(1) };
    });
}

/// A line for each game: connection, times the ball came back, times that this was told.
#[handler(0, reply = 1024)]
fn scores(_: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    GAMES.with(|games| {
        let mut length = 0;
        for Game { connection, returns, told } in games.iter().filter(|game| game.told > 0) {
            length += write_text(&mut reply[length..], format_args!("{connection} {returns} {told}\n"))?;
        }
        Ok(length)
    })
}
