//! What the kit calls: inputs, entries, handlers.
use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemFn, Result, parse2};

use crate::arguments::{Arguments, Grammar};
use crate::declaration::{function_name, plain_signature, record, size, wrong_item};

const INPUT: Grammar = Grammar { usage: "#[input(8)] fn reading(data: &[u8]) { … }", named: &[] };
const ENTRY: Grammar = Grammar { usage: "#[entry] fn poll() { … }, or #[entry(64)] fn set(data: &[u8]) { … }", named: &[] };
const HANDLER: Grammar =
    Grammar { usage: "#[handler(4, reply = 8)] fn level(data: &[u8], reply: &mut [u8]) -> Result<usize, Refused> { … }", named: &["reply"] };

fn function(item: TokenStream, grammar: &Grammar) -> Result<ItemFn> {
    parse2(item).map_err(|error| wrong_item(error, "a function", grammar))
}

pub fn input(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &INPUT)?;
    let maximum = size(&arguments.required("the most bytes of an event", &INPUT)?);
    let function = function(item, &INPUT)?;
    plain_signature(&function.sig, 1, &INPUT)?;
    let ident = &function.sig.ident;
    let name = function_name(arguments.name, ident)?;
    let record = record(&name, quote!(::authentic::export::Declaration::input(#name, #maximum, call)));
    Ok(quote! {
        #function
        const _: () = {
            extern "C" fn call(data: *const u8, length: usize) {
                // SAFETY: only the kit calls it.
                unsafe { ::authentic::export::call(data, length, #ident) }
            }
            #record
        };
    })
}

pub fn entry(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &ENTRY)?;
    let function = function(item, &ENTRY)?;
    let maximum = arguments.first.take();
    plain_signature(&function.sig, usize::from(maximum.is_some()), &ENTRY)?;
    let ident = &function.sig.ident;
    let name = function_name(arguments.name, ident)?;
    let (maximum, called) = match &maximum {
        Some(maximum) => (size(maximum), quote!(#ident)),
        None => (quote!(0), quote!(|_| #ident())),
    };
    let record = record(&name, quote!(::authentic::export::Declaration::entry(#name, #maximum, call)));
    Ok(quote! {
        #function
        const _: () = {
            extern "C" fn call(data: *const u8, length: usize) {
                // SAFETY: only the kit calls it.
                unsafe { ::authentic::export::call(data, length, #called) }
            }
            #record
        };
    })
}

pub fn handler(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &HANDLER)?;
    let maximum = size(&arguments.required("the most bytes of a request", &HANDLER)?);
    let reply = size(&arguments.required_named("reply", "the most bytes of a reply", &HANDLER)?);
    let function = function(item, &HANDLER)?;
    plain_signature(&function.sig, 2, &HANDLER)?;
    let ident = &function.sig.ident;
    let name = function_name(arguments.name, ident)?;
    let record = record(&name, quote!(::authentic::export::Declaration::handler(#name, #maximum, REPLY, call, REPLIES.pointer())));
    Ok(quote! {
        #function
        const _: () = {
            const REPLY: usize = #reply;
            static REPLIES: ::authentic::export::Storage<[[u8; REPLY + 1]; ::authentic::export::CLIENTS + 1]> = ::authentic::export::Storage::rows();
            extern "C" fn call(data: *const u8, length: usize, reply: *mut u8, capacity: usize) -> i64 {
                // SAFETY: only the kit calls it.
                unsafe { ::authentic::export::handle(data, length, reply, capacity, #ident) }
            }
            #record
        };
    })
}
