//! Objects of static storage: state and devices.
use proc_macro2::TokenStream;
use quote::quote;
use syn::{ForeignItemStatic, ItemStatic, Result, StaticMutability, parse2};

use crate::arguments::{Arguments, Grammar};
use crate::declaration::{object_name, record, wrong_item};

const STATE: Grammar = Grammar { usage: "#[state(1)] static TANK: State<Tank> = State::new(Tank { level: 0 });", named: &[] };
const DEVICE: Grammar = Grammar { usage: "#[device] static VALVE: Device<Written>;", named: &[] };

fn immutable(mutability: &StaticMutability, what: &str) -> Result<()> {
    match mutability {
        StaticMutability::Mut(token) => Err(syn::Error::new_spanned(token, format!("{what} is changed through its methods, without `mut`"))),
        _ => Ok(()),
    }
}

pub fn state(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut arguments = Arguments::parse(arguments, &STATE)?;
    let schema = arguments.required("the schema, a number to raise when the meaning changes,", &STATE)?;
    let object: ItemStatic = parse2(item).map_err(|error| wrong_item(error, "a static", &STATE))?;
    immutable(&object.mutability, "state")?;
    let ident = &object.ident;
    let name = object_name(arguments.name, ident)?;
    let record = record(
        &name,
        quote! {{
            const SCHEMA: u16 = #schema;
            const fn of<T: ::authentic::Plain>(object: &'static ::authentic::State<T>) -> ::authentic::export::Declaration {
                ::authentic::export::Declaration::state(#name, ::core::mem::size_of::<T>(), SCHEMA, object.pointer().cast())
            }
            of(&#ident)
        }},
    );
    Ok(quote! {
        #object
        const _: () = { #record };
    })
}

pub fn device(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::parse(arguments, &DEVICE)?;
    if let Some(first) = &arguments.first {
        return Err(syn::Error::new_spanned(first, format!("there is no such argument here: {}", DEVICE.usage)));
    }
    if let Ok(ItemStatic { expr, .. }) = parse2(item.clone()) {
        return Err(syn::Error::new_spanned(expr, format!("the attribute writes the value, so that a semicolon stands here: {}", DEVICE.usage)));
    }
    let ForeignItemStatic { attrs, vis, mutability, ident, ty, .. } = parse2(item).map_err(|error| wrong_item(error, "a static", &DEVICE))?;
    immutable(&mutability, "a device")?;
    let name = object_name(arguments.name, &ident)?;
    let record = record(&name, quote!(::authentic::export::Declaration::device(#name, <#ty>::FLAGS)));
    Ok(quote! {
        #(#attrs)*
        #vis static #ident: #ty = {
            #record
            <#ty>::new(&DECLARATION)
        };
    })
}
