//! Arguments of the attributes: at most one without a name, then those with one.
use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitStr, Result, Token};

/// What an attribute takes, for its error messages.
pub struct Grammar {
    /// The attribute as it is written.
    pub usage: &'static str,
    /// Its arguments with a name, besides `name`.
    pub named: &'static [&'static str],
}

/// The arguments of one attribute.
pub struct Arguments {
    pub first: Option<Expr>,
    pub name: Option<LitStr>,
    named: Vec<(Ident, Expr)>,
}

enum Argument {
    First(Expr),
    Named(Ident, Expr),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let name = input.parse()?;
            input.parse::<Token![=]>()?;
            return Ok(Self::Named(name, input.parse()?));
        }
        input.parse().map(Self::First)
    }
}

impl Arguments {
    /// Reads the arguments of an attribute.
    pub fn parse(tokens: TokenStream, grammar: &Grammar) -> Result<Self> {
        let list = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut arguments = Self { first: None, name: None, named: Vec::new() };
        for (index, argument) in list.into_iter().enumerate() {
            match argument {
                Argument::First(value) if index == 0 => arguments.first = Some(value),
                Argument::First(value) => return Err(Error::new_spanned(value, format!("only the first argument has no name: {}", grammar.usage))),
                Argument::Named(name, value) if name == "name" => arguments.name = Some(text(value)?),
                Argument::Named(name, _) if !grammar.named.contains(&name.to_string().as_str()) => {
                    return Err(Error::new(name.span(), format!("there is no argument `{name}` here: {}", grammar.usage)));
                }
                Argument::Named(name, _) if arguments.named.iter().any(|(other, _)| *other == name) => {
                    return Err(Error::new(name.span(), format!("`{name}` is given twice")));
                }
                Argument::Named(name, value) => arguments.named.push((name, value)),
            }
        }
        Ok(arguments)
    }

    /// The argument of a name.
    pub fn take(&mut self, name: &str) -> Option<Expr> {
        self.named.iter().position(|(other, _)| other == name).map(|index| self.named.swap_remove(index).1)
    }

    /// The first argument, which has to be there.
    pub fn required(&mut self, what: &str, grammar: &Grammar) -> Result<Expr> {
        self.first.take().ok_or_else(|| Error::new(Span::call_site(), format!("{what} is missing: {}", grammar.usage)))
    }

    /// An argument that has to be there.
    pub fn required_named(&mut self, name: &str, what: &str, grammar: &Grammar) -> Result<Expr> {
        self.take(name).ok_or_else(|| Error::new(Span::call_site(), format!("{what} is missing: {}", grammar.usage)))
    }
}

fn text(value: Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Ok(text),
        other => Err(Error::new_spanned(other, "the name is a text: `name = \"moisture\"`")),
    }
}
