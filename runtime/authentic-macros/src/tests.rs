//! What the attributes refuse, and with which words; test/build/rust.test.ts compiles what they accept.
use proc_macro2::TokenStream;

use crate::{exported, imported, objects, plain, succession};

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
fn migrations_and_drops_say_whose_state_they_mean() {
    refuses(succession::migrate, "", "fn tank(old: &Tank1) -> bool { true }", "the schema of what is taken over is missing: #[migrate(1)]");
    refuses(succession::migrate, "FIRST", "fn tank(old: &Tank1) -> bool { true }", "the schema of what is taken over is a number");
    refuses(succession::migrate, "65536", "fn tank(old: &Tank1) -> bool { true }", "number too large");
    refuses(succession::migrate, "1, to = 2", "fn tank(old: &Tank1) -> bool { true }", "there is no argument `to` here");
    refuses(succession::migrate, "1", "fn tank() -> bool { true }", "this function takes one argument");
    refuses(succession::migrate, "1", "fn tank(old: Tank1) -> bool { true }", "the argument refers to what the instance before kept");
    refuses(succession::migrate, "1", "fn tank(old: &mut Tank1) -> bool { true }", "the argument refers to what the instance before kept");
    refuses(succession::migrate, "1", "static TANK: State<Tank> = State::new(Tank { level: 0 });", "this attribute stands before a function");
    refuses(succession::drop, "1", "static CACHE: Dropped;", "there is no such argument here, as every schema is forgotten");
    refuses(succession::drop, "", "static CACHE: State<u8> = State::new(0);", "a semicolon stands here");
    refuses(succession::drop, "", "fn cache() {}", "this attribute stands before a static");
}

#[test]
fn migrations_and_drops_are_named_like_the_state_and_numbered_behind_everything_else() {
    let symbols = |expand: Expand, arguments: &str, item: &str| {
        let text = expand(tokens(arguments), tokens(item)).expect(item).to_string();
        let (_, rest) = text.split_once("export_name = \"").expect("a symbol");
        rest.split_once('"').expect("its end").0.to_owned()
    };
    assert_eq!(symbols(succession::migrate, "1", "fn tank(old: &Tank1) -> bool { true }"), "authentic_migration_tank_1");
    assert_eq!(symbols(succession::migrate, "0x1_0u16, name = \"tank\"", "fn tank_16(old: &Tank16) -> bool { true }"), "authentic_migration_tank_16");
    assert_eq!(symbols(succession::drop, "", "static WATER_TANK: Dropped;"), "authentic_migration_water_tank_dropped");
    assert!(symbols(exported::entry, "", "fn zzz() {}").as_str() < "authentic_migration_");
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
