//! What the attributes refuse, and with which words; test/build/rust.test.ts compiles what they accept.
use proc_macro2::TokenStream;

use crate::{exported, imported, objects, plain};

type Expand = fn(TokenStream, TokenStream) -> syn::Result<TokenStream>;

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("the tokens of a test")
}

fn refuses(expand: Expand, arguments: &str, item: &str, words: &str) {
    let error = expand(tokens(arguments), tokens(item)).expect_err(item);
    assert!(error.to_string().contains(words), "{item}: {error}");
}

#[test]
fn sizes_that_are_missing_or_too_many_are_named() {
    refuses(exported::input, "", "fn a(data: &[u8]) {}", "the most bytes of an event is missing: #[input(8)] fn reading");
    refuses(imported::output, "", "fn a(data: &[u8]) -> Result;", "the most bytes of an event is missing");
    refuses(exported::handler, "8", "fn a(data: &[u8], reply: &mut [u8]) -> R {}", "the most bytes of a reply is missing");
    refuses(imported::request, "8", "fn a(data: &[u8], reply: &mut [u8]) -> R;", "the most bytes of a reply is missing");
    refuses(objects::state, "", "static A: State<u8> = State::new(0);", "the schema, a number to raise when the meaning changes, is missing");
    refuses(exported::input, "8, 9", "fn a(data: &[u8]) {}", "only the first argument has no name");
    refuses(objects::device, "8", "static A: Device<Read>;", "there is no such argument here");
}

#[test]
fn arguments_of_other_attributes_are_refused() {
    refuses(exported::input, "8, burst = 2", "fn a(data: &[u8]) {}", "there is no argument `burst` here");
    refuses(imported::output, "8, burst = 2, burst = 3", "fn a(data: &[u8]) -> Result;", "`burst` is given twice");
    refuses(imported::output, "8, name = 3", "fn a(data: &[u8]) -> Result;", "the name is a text");
}

#[test]
fn names_fit_the_interface() {
    let long = "n".repeat(48);
    refuses(exported::entry, "", &format!("fn {long}() {{}}"), "is longer than 47 characters");
    assert!(exported::entry(tokens(""), tokens(&format!("fn {}() {{}}", &long[1..]))).is_ok());
    refuses(exported::entry, "name = \"2nd\"", "fn second() {}", "does not begin with a digit");
    refuses(exported::entry, "name = \"größe\"", "fn size() {}", "letters, digits and underscores");
    let keyword = exported::entry(tokens(""), tokens("fn r#move() {}")).expect("a keyword is a name");
    assert!(keyword.to_string().contains("\"move\""));
    let object = objects::device(tokens(""), tokens("static WATER_VALVE: Device<Written>;")).expect("a device");
    assert!(object.to_string().contains("\"water_valve\""));
}

#[test]
fn functions_that_the_kit_cannot_call_are_refused() {
    refuses(exported::input, "8", "fn a() {}", "this function takes one argument");
    refuses(exported::input, "8", "fn a(data: &[u8], more: u8) {}", "this function takes one argument");
    refuses(exported::entry, "", "fn a(data: &[u8]) {}", "this function takes no arguments");
    refuses(exported::entry, "64", "fn a() {}", "this function takes one argument");
    refuses(exported::handler, "8, reply = 8", "fn a(data: &[u8]) -> R {}", "this function takes 2 arguments");
    refuses(exported::input, "8", "async fn a(data: &[u8]) {}", "it cannot be async");
    refuses(exported::input, "8", "fn a<T>(data: &[u8]) {}", "it cannot be generic");
    refuses(exported::input, "8", "fn a(&self) {}", "the kit knows no object");
    refuses(exported::input, "8", "static A: u8 = 0;", "this attribute stands before a function");
}

#[test]
fn bodies_and_values_that_an_attribute_writes_are_left_to_it() {
    refuses(imported::output, "8", "fn a(data: &[u8]) -> Result { Ok(()) }", "a semicolon stands here");
    refuses(imported::config, "", "fn a() -> i64 { 3 }", "a semicolon stands here");
    refuses(objects::device, "", "static A: Device<Read> = Device::new();", "a semicolon stands here");
    refuses(imported::output, "8", "fn a((b, c): T) -> Result;", "an argument has a name here");
    refuses(objects::state, "1", "static mut A: State<u8> = State::new(0);", "without `mut`");
    refuses(objects::state, "1", "fn a() {}", "this attribute stands before a static");
}

#[test]
fn only_what_lies_alike_in_every_build_is_plain() {
    let refused = |item: &str, words: &str| {
        let error = plain::derive(tokens(item)).expect_err(item);
        assert!(error.to_string().contains(words), "{item}: {error}");
    };
    refused("struct A { b: u8 }", "add `#[repr(C)]`");
    refused("#[repr(align(8))] struct A { b: u8 }", "add `#[repr(C)]`");
    refused("#[repr(u8)] enum A { B, C }", "keep an enum as a `u8`");
    refused("#[repr(C)] struct A<T> { b: T }", "cannot be generic");
    assert!(plain::derive(tokens("#[repr(C, align(8))] struct A { b: u8 }")).is_ok());
}
