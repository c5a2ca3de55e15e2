//! What modules call: outputs, requests, configuration. The attributes write the bodies.
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, ForeignItemFn, Ident, ItemFn, LitStr, Pat, Result, parse2};

use crate::arguments::{Arguments, Grammar};
use crate::declaration::{function_name, plain_signature, record, size, wrong_item};

const OUTPUT: Grammar = Grammar { usage: "#[output(8)] fn alarm(data: &[u8]) -> Result;", named: &["burst"] };
const REQUEST: Grammar = Grammar { usage: "#[request(4, reply = 8)] fn level(data: &[u8], reply: &mut [u8]) -> Result<usize>;", named: &["reply"] };
const CONFIG: Grammar = Grammar { usage: "#[config] fn limit() -> i64;, or #[config(32)] fn greeting() -> &'static str;", named: &[] };

/// A function without a body, and the names of its arguments.
fn function(item: TokenStream, arguments: usize, grammar: &Grammar) -> Result<(ForeignItemFn, Vec<Ident>)> {
    if let Ok(ItemFn { block, .. }) = parse2(item.clone()) {
        return Err(Error::new_spanned(block, format!("the attribute writes the body, so that a semicolon stands here: {}", grammar.usage)));
    }
    let function: ForeignItemFn = parse2(item).map_err(|error| wrong_item(error, "a function", grammar))?;
    plain_signature(&function.sig, arguments, grammar)?;
    let names = function.sig.inputs.iter().map(|argument| match argument {
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(name) => Ok(name.ident.clone()),
            other => Err(Error::new_spanned(other, format!("an argument has a name here: {}", grammar.usage))),
        },
        FnArg::Receiver(receiver) => Err(Error::new_spanned(receiver, "the kit knows no object")),
    });
    let names = names.collect::<Result<_>>()?;
    Ok((function, names))
}

/// The function with a body that has the declaration at hand.
fn with_body(function: &ForeignItemFn, name: &LitStr, declaration: TokenStream, body: TokenStream) -> TokenStream {
    let ForeignItemFn { attrs, vis, sig, .. } = function;
    let record = record(name, declaration);
    quote! {
        #(#attrs)*
        #vis #sig {
            #record
            #body
        }
    }
}

pub fn output(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &OUTPUT)?;
    let maximum = size(&arguments.required("the most bytes of an event", &OUTPUT)?);
    let burst = arguments.take("burst").map_or(quote!(1), |burst| quote!({ const BURST: u32 = #burst; BURST }));
    let (function, names) = function(item, 1, &OUTPUT)?;
    let name = function_name(arguments.name, &function.sig.ident)?;
    Ok(with_body(&function, &name, quote!(::authentic::export::Declaration::output(#name, #maximum, #burst)), quote!(DECLARATION.emit(#(#names),*))))
}

pub fn request(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &REQUEST)?;
    let maximum = size(&arguments.required("the most bytes of a request", &REQUEST)?);
    let reply = size(&arguments.required_named("reply", "the most bytes of a reply", &REQUEST)?);
    let (function, names) = function(item, 2, &REQUEST)?;
    let name = function_name(arguments.name, &function.sig.ident)?;
    Ok(with_body(&function, &name, quote!(::authentic::export::Declaration::request(#name, #maximum, #reply)), quote!(DECLARATION.ask(#(#names),*))))
}

pub fn config(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &CONFIG)?;
    let maximum = arguments.first.take();
    let (function, _) = function(item, 0, &CONFIG)?;
    let name = function_name(arguments.name, &function.sig.ident)?;
    Ok(match &maximum {
        None => with_body(&function, &name, quote!(::authentic::export::Declaration::integer(#name)), quote!(DECLARATION.value())),
        Some(maximum) => {
            let maximum = size(maximum);
            with_body(
                &function,
                &name,
                quote!(::authentic::export::Declaration::text(#name, MAXIMUM, TEXT.pointer())),
                quote! {
                    const MAXIMUM: usize = #maximum;
                    static TEXT: ::authentic::export::Storage<[u8; MAXIMUM + 1]> = ::authentic::export::Storage::zeroed();
                    TEXT.text()
                },
            )
        }
    })
}
