//! The attributes of the crate `authentic`, one for each macro of `authentic.h`. docs/modules-rust.md is the guide.
mod arguments;
mod declaration;
mod exported;
mod imported;
mod objects;
mod plain;
mod succession;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// An attribute with its arguments and the item it stands before.
macro_rules! attributes {
    ($($(#[$documentation:meta])* $name:ident => $expand:path;)*) => {
        $(
            $(#[$documentation])*
            #[proc_macro_attribute]
            pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
                $expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
            }
        )*
    };
}

attributes! {
    /// An input: `#[input(8)] fn reading(data: &[u8]) { … }`, with the most bytes of an event.
    input => exported::input;
    /// An entry, called by triggers and by the deployer: `#[entry] fn poll() { … }`, `#[entry(64)] fn set(data: &[u8]) { … }`.
    entry => exported::entry;
    /// A handler: `#[handler(4, reply = 8)] fn level(data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> { … }`.
    handler => exported::handler;
    /// An output: `#[output(8)] fn alarm(data: &[u8]) -> Result;`, with `burst = 16` if it is emitted more than once for one event.
    output => imported::output;
    /// A request: `#[request(4, reply = 8)] fn level(data: &[u8], reply: &mut [u8]) -> Result<usize>;`.
    request => imported::request;
    /// Measured configuration: `#[config] fn limit() -> i64;`, `#[config(32)] fn greeting() -> &'static str;`.
    config => imported::config;
    /// State that moves along: `#[state(1)] static TANK: State<Tank> = State::new(Tank { level: 0 });`, with its schema.
    state => objects::state;
    /// Takes over what the instance before kept under this name and schema: `#[migrate(1)] fn tank(old: &Tank1) -> bool { … }`.
    /// False, a panic or too long a time leave the instance before running. It emits nothing.
    migrate => succession::migrate;
    /// Forgets what the instance before kept under this name, where nothing else takes it over: `#[drop] static CACHE: Dropped;`.
    drop => succession::drop;
    /// A device: `#[device] static VALVE: Device<Written>;`.
    device => objects::device;
}

/// Lets objects of a `#[repr(C)]` struct be carried to another module byte by byte.
#[proc_macro_derive(Plain)]
pub fn plain(item: TokenStream) -> TokenStream {
    plain::derive(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
