//! `#[derive(Plain)]`.
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, parse2};

pub fn derive(item: TokenStream) -> Result<TokenStream> {
    let DeriveInput { attrs, ident, generics, data, .. } = parse2(item)?;
    let Data::Struct(data) = data else {
        return Err(Error::new(ident.span(), "only a struct is made of any sequence of bytes; keep an enum as a `u8`"));
    };
    if !generics.params.is_empty() {
        return Err(Error::new_spanned(generics, "state has one size, so that this struct cannot be generic"));
    }
    let mut fixed = false;
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            fixed |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            // Of `align(8)` and `packed(2)`.
            if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    if !fixed {
        return Err(Error::new(ident.span(), "add `#[repr(C)]`: the next build of the module has to lay this struct out alike"));
    }
    let types: Vec<_> = data.fields.iter().map(|field| &field.ty).collect();
    Ok(quote! {
        // SAFETY: the fields are plain, and lie in the order of C.
        unsafe impl ::authentic::Plain for #ident {}
        const _: () = {
            const fn plain<T: ::authentic::Plain>() {}
            #(plain::<#types>();)*
        };
    })
}
