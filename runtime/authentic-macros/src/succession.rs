//! What becomes of the state of the instance before: migrations and drops.
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, Expr, FnArg, ForeignItemStatic, ItemFn, ItemStatic, Lit, LitInt, LitStr, Result, Type, parse2};

use crate::arguments::{Arguments, Grammar};
use crate::declaration::{function_name, object_name, plain_signature, record_as, wrong_item};

const MIGRATE: Grammar = Grammar { usage: "#[migrate(1)] fn tank(old: &Tank1) -> bool { … }", named: &[] };
const DROP: Grammar = Grammar { usage: "#[drop] static CACHE: Dropped;", named: &[] };

/// The symbol of a record that takes over, or forgets: behind those of all other declarations, whose numbers do not change with
/// it, and the same for two that say what becomes of the same object.
fn symbol(name: &LitStr, of: &str) -> String {
    format!("authentic_migration_{}_{of}", name.value())
}

/// The schema that is taken over. It is in the symbol, so that it has to be a number as it is written.
fn schema(arguments: &mut Arguments) -> Result<LitInt> {
    match arguments.required("the schema of what is taken over", &MIGRATE)? {
        Expr::Lit(syn::ExprLit { lit: Lit::Int(schema), .. }) => {
            schema.base10_parse::<u16>()?;
            Ok(schema)
        }
        other => Err(Error::new_spanned(other, format!("the schema of what is taken over is a number: {}", MIGRATE.usage))),
    }
}

/// The type of what was kept: that to which the only argument refers.
fn kept(argument: &FnArg) -> Result<&Type> {
    if let FnArg::Typed(argument) = argument
        && let Type::Reference(reference) = &*argument.ty
        && reference.mutability.is_none()
    {
        return Ok(&reference.elem);
    }
    Err(Error::new_spanned(argument, format!("the argument refers to what the instance before kept, without `mut`: {}", MIGRATE.usage)))
}

pub fn migrate(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &MIGRATE)?;
    let schema = schema(&mut arguments)?;
    let function: ItemFn = parse2(item).map_err(|error| wrong_item(error, "a function", &MIGRATE))?;
    plain_signature(&function.sig, 1, &MIGRATE)?;
    let ident: &Ident = &function.sig.ident;
    let old = kept(&function.sig.inputs[0])?;
    let name = function_name(arguments.name, ident)?;
    let record = record_as(&symbol(&name, schema.base10_digits()), quote!(::authentic::export::Declaration::migration(#name, ::core::mem::size_of::<#old>(), #schema, call)));
    Ok(quote! {
        #function
        const _: () = {
            static COPY: ::authentic::export::Copied<#old> = ::authentic::export::Copied::none();
            extern "C" fn call(bytes: *const u8) -> bool {
                // SAFETY: only the kit calls it, with as many bytes as the record says.
                unsafe { ::authentic::export::migrate(bytes, &COPY, #ident) }
            }
            #record
        };
    })
}

pub fn drop(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::parse(arguments, &DROP)?;
    if let Some(first) = &arguments.first {
        return Err(Error::new_spanned(first, format!("there is no such argument here, as every schema is forgotten: {}", DROP.usage)));
    }
    if let Ok(ItemStatic { expr, .. }) = parse2(item.clone()) {
        return Err(Error::new_spanned(expr, format!("what is forgotten has no value, so that a semicolon stands here: {}", DROP.usage)));
    }
    let ForeignItemStatic { ident, ty, .. } = parse2(item).map_err(|error| wrong_item(error, "a static", &DROP))?;
    let name = object_name(arguments.name, &ident)?;
    let record = record_as(&symbol(&name, "dropped"), quote!(::authentic::export::Declaration::dropped(#name)));
    Ok(quote! {
        const _: () = {
            const _: #ty = ::authentic::Dropped::NOTHING;
            #record
        };
    })
}
