//! The function that an attribute stands on, with its body kept as it is.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Signature, Token, Visibility, token};

/// A function of which all but the body is parsed. An editor expands attributes while their
/// function is being typed; a body that is not yet right must not make it vanish.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// The `#![..]` at the head of the body, which apply to the function.
    pub(crate) inner: Vec<Attribute>,
    pub(crate) braces: token::Brace,
    /// What is between the braces, less the `#![..]`.
    pub(crate) body: TokenStream,
    /// What stands in the place of a body that is missing. The body then is one that fits any type.
    pub(crate) semicolon: Option<Token![;]>,
}

impl Function {
    pub(crate) fn is_main(&self) -> bool {
        self.sig.ident == "main"
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Function> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        if let Some(semicolon) = input.parse::<Option<Token![;]>>()? {
            let (inner, braces) = (Vec::new(), token::Brace(semicolon.span));
            let (body, semicolon) = (quote!(loop {}), Some(semicolon));
            return Ok(Function {
                attrs,
                vis,
                sig,
                inner,
                braces,
                body,
                semicolon,
            });
        }
        let content;
        let braces = syn::braced!(content in input);
        let inner = content.call(Attribute::parse_inner)?;
        let body = content.parse()?;
        Ok(Function {
            attrs,
            vis,
            sig,
            inner,
            braces,
            body,
            semicolon: None,
        })
    }
}
