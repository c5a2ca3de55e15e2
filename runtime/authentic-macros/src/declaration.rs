//! One record of the interface: its name, and the static that the builder and the kit read.
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, FnArg, Ident, LitStr, Result, Signature};

use crate::arguments::Grammar;

/// The most characters of a name (docs/protocol.md section 3).
const NAME: usize = 47;

/// The name that other modules and the deployer know: the given one, else that of the item.
pub fn name_of(given: Option<LitStr>, item: &Ident, fallback: String) -> Result<LitStr> {
    let name = given.unwrap_or_else(|| LitStr::new(&fallback, item.span()));
    let text = name.value();
    if text.len() > NAME {
        return Err(Error::new(name.span(), format!("the name {text} is longer than {NAME} characters")));
    }
    let valid = text.chars().enumerate().all(|(index, one)| one == '_' || one.is_ascii_alphabetic() || index > 0 && one.is_ascii_digit());
    if text.is_empty() || !valid {
        return Err(Error::new(name.span(), "a name has letters, digits and underscores, and does not begin with a digit"));
    }
    Ok(name)
}

/// The name of a function, without the `r#` of a keyword.
pub fn function_name(given: Option<LitStr>, function: &Ident) -> Result<LitStr> {
    let fallback = function.to_string();
    name_of(given, function, fallback.strip_prefix("r#").unwrap_or(&fallback).to_owned())
}

/// The name of an object: Rust writes them in capitals, which the names of interfaces are not.
pub fn object_name(given: Option<LitStr>, object: &Ident) -> Result<LitStr> {
    name_of(given, object, object.to_string().to_lowercase())
}

/// The record of the interface, `DECLARATION`. The compiler orders by symbols: with these, endpoints are in the order of their
/// names, whatever else is in the module. Object files of other systems, where modules are only checked, have other sections.
pub fn record(name: &LitStr, value: TokenStream) -> TokenStream {
    record_as(&format!("authentic_declaration_{}", name.value()), value)
}

/// The same under another symbol.
pub fn record_as(symbol: &str, value: TokenStream) -> TokenStream {
    quote! {
        #[used]
        #[unsafe(export_name = #symbol)]
        #[cfg_attr(any(target_os = "linux", target_os = "none"), unsafe(link_section = ".authentic.interface"))]
        static DECLARATION: ::authentic::export::Declaration = #value;
    }
}

/// A size that may be any constant expression.
pub fn size(value: &syn::Expr) -> TokenStream {
    let span = syn::spanned::Spanned::span(value);
    quote_spanned!(span=> { const SIZE: usize = #value; SIZE })
}

/// Refuses signatures that the kit cannot call.
pub fn plain_signature(signature: &Signature, arguments: usize, grammar: &Grammar) -> Result<()> {
    let wrong = |tokens: &dyn quote::ToTokens, what: &str| Err(Error::new_spanned(tokens, format!("{what}: {}", grammar.usage)));
    if let Some(asyncness) = &signature.asyncness {
        return wrong(asyncness, "the kit waits for this function, so that it cannot be async");
    }
    if !signature.generics.params.is_empty() {
        return wrong(&signature.generics, "the kit calls this one function, so that it cannot be generic");
    }
    if let Some(receiver) = signature.inputs.iter().find(|one| matches!(one, FnArg::Receiver(_))) {
        return wrong(receiver, "the kit knows no object");
    }
    if signature.inputs.len() != arguments {
        let span = if signature.inputs.is_empty() { signature.ident.span() } else { syn::spanned::Spanned::span(&signature.inputs) };
        return Err(Error::new(span, format!("this function takes {}: {}", count(arguments), grammar.usage)));
    }
    Ok(())
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        more => format!("{more} arguments"),
    }
}

/// The error for an item of another kind.
pub fn wrong_item(error: Error, what: &str, grammar: &Grammar) -> Error {
    let mut message = Error::new(Span::call_site(), format!("this attribute stands before {what}: {}", grammar.usage));
    message.combine(error);
    message
}
