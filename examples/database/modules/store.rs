//! Store: how many pieces there are of each article. Requests come one after another, so no change is lost.
#![no_std]
#![forbid(unsafe_code)]
use authentic::{Plain, Refused, State, config, handler, state, write_text};

const NAME: usize = 16;

#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Article {
    /// Filled up with zeros; an article without a name is a free place.
    name: [u8; NAME],
    pieces: i64,
}

#[state(1)]
static ARTICLES: State<[Article; 64]> = State::new([Article { name: [0; NAME], pieces: 0 }; 64]);

#[config]
fn capacity() -> i64;

fn padded(name: &str) -> Result<[u8; NAME], Refused> {
    let mut padded = [0; NAME];
    if name.is_empty() || name.contains('\0') {
        return Err(Refused);
    }
    padded.get_mut(..name.len()).ok_or(Refused)?.copy_from_slice(name.as_bytes());
    Ok(padded)
}

/// `apples=-2` takes two apples out, `apples=2` brings two; the answer is how many there are then. What is not there cannot
/// be taken, and above the capacity nothing is stored: such a request is refused and changes nothing.
#[handler(40, reply = 20)]
fn add(data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    let (name, change) = str::from_utf8(data)?.split_once('=').ok_or(Refused)?;
    let (name, change) = (padded(name)?, change.parse::<i64>()?);
    let pieces = ARTICLES.with(|articles| {
        let place = articles.iter().position(|article| article.name == name).or_else(|| articles.iter().position(|article| article.name == [0; NAME])).ok_or(Refused)?;
        let pieces = articles[place].pieces.checked_add(change).filter(|pieces| (0..=capacity()).contains(pieces)).ok_or(Refused)?;
        articles[place] = Article { name, pieces };
        Ok::<_, Refused>(pieces)
    })?;
    Ok(write_text(reply, format_args!("{pieces}"))?)
}

/// How many pieces there are of an article.
#[handler(NAME, reply = 20)]
fn count(data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> {
    let name = padded(str::from_utf8(data)?)?;
    let pieces = ARTICLES.with(|articles| articles.iter().find(|article| article.name == name).map_or(0, |article| article.pieces));
    Ok(write_text(reply, format_args!("{pieces}"))?)
}
