//! `#[io2::preemptible]`: the user's function, whose loops yield.
//!
//! What is inserted is named by absolute paths, and its variables cannot be seen by the user's code.
//! Nothing is wrapped: labels, values and temporaries of the loops stay what they were.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Attribute, Block, Expr, Item, Lifetime, Meta};

use crate::args::{Args, Attr, Value};
use crate::check::Errors;
use crate::expand;
use crate::guards::Guards;
use crate::item::Function;
use crate::loops::{Every, Loops, hidden, insert_first};

/// The whole expansion, without the errors.
pub(crate) fn function(args: &Args, mut function: Function, errors: &mut Errors) -> TokenStream {
    repeated(&mut function.attrs, errors);
    if function.sig.asyncness.is_some() {
        body(args, None, &mut function, errors);
    }
    let Function {
        attrs,
        vis,
        sig,
        inner,
        braces,
        body,
        semicolon,
    } = &function;
    if let Some(semicolon) = semicolon {
        return quote!(#(#attrs)* #vis #sig #semicolon);
    }
    let block = expand::block(braces, quote!(#(#inner)* #body));
    quote!(#(#attrs)* #vis #sig #block)
}

/// `#[io2::main] #[io2::preemptible] async fn main() {}`: the attribute above takes the `async` away,
/// so it does the work of the one below.
pub(crate) fn below(outer: &Args, function: &mut Function, errors: &mut Errors) {
    let Some(at) = function.attrs.iter().position(is_preemptible) else {
        return;
    };
    let attribute = function.attrs.remove(at);
    repeated(&mut function.attrs, errors);
    let tokens = match &attribute.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(_) => {
            errors.on(&attribute, "write `#[io2::preemptible(every = 1024)]`");
            return;
        }
    };
    let args = Args::parse(Attr::Preemptible, tokens, errors);
    if function.sig.asyncness.is_some() && function.semicolon.is_none() {
        body(&args, Some(outer), function, errors);
    }
}

fn is_preemptible(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|last| last.ident == "preemptible")
}

/// `#[io2::preemptible] #[io2::preemptible] async fn f() {}`.
fn repeated(attrs: &mut Vec<Attribute>, errors: &mut Errors) {
    attrs.retain(|attribute| {
        if is_preemptible(attribute) {
            let message = "the loops of this function have their checks already: remove this \
                           attribute";
            errors.on(attribute, message);
        }
        !is_preemptible(attribute)
    });
}

/// Gives the loops of a body their checks. A body that is not yet right is left as it is.
fn body(args: &Args, outer: Option<&Args>, function: &mut Function, errors: &mut Errors) {
    let tokens = labels(function.body.clone());
    let stmts = match syn::parse::Parser::parse2(Block::parse_within, tokens) {
        Ok(stmts) => stmts,
        Err(error) => {
            let message = format!("#[io2::preemptible] cannot read this body: {error}");
            errors.at(error.span(), message);
            return;
        }
    };
    let krate = args.krate().or_else(|| outer.and_then(Args::krate));
    let runtime = |span| expand::runtime_at(krate, hidden(span));
    let mut declared = TokenStream::new();
    let every = every(args, &mut declared);
    let mut block = Block {
        brace_token: function.braces,
        stmts,
    };
    let mut loops = Loops {
        runtime: &runtime,
        every,
        errors,
        counters: Vec::new(),
        guards: Guards::default(),
        exits: Vec::new(),
    };
    syn::visit_mut::VisitMut::visit_block_mut(&mut loops, &mut block);
    for counter in &loops.counters {
        let span = counter.span();
        let ty = quote_spanned!(span=> ::core::primitive::u32);
        declared.extend(quote_spanned!(span=> let mut #counter: #ty = 0;));
    }
    if !loops.counters.is_empty() {
        insert_first(&mut block.stmts, declared);
    }
    function.body = TokenStream::new();
    for stmt in &block.stmts {
        stmt.to_tokens(&mut function.body);
    }
}

/// Takes a label out of the invisible group that a `$label:lifetime` of a macro comes in: the parser
/// takes such a group for an expression.
fn labels(tokens: TokenStream) -> TokenStream {
    let each = tokens.into_iter().map(|token| {
        let TokenTree::Group(group) = token else {
            return token.into();
        };
        let inner = group.stream();
        if group.delimiter() == Delimiter::None && syn::parse2::<Lifetime>(inner.clone()).is_ok() {
            return inner;
        }
        let mut outer = Group::new(group.delimiter(), labels(inner));
        outer.set_span(group.span());
        TokenTree::Group(outer).into()
    });
    each.collect()
}

/// How often the loops check; a constant expression gets a name.
fn every(args: &Args, declared: &mut TokenStream) -> Every {
    let Some(given) = args.get("every") else {
        return Every::Iteration;
    };
    match &given.value {
        Value::Integer(value, _) => match u32::try_from(*value) {
            Ok(n) if n > 1 => Every::Nth(n),
            _ => Every::Iteration,
        },
        Value::Const(expr) => {
            let name = Ident::new("__IO2_EVERY", Span::call_site());
            let value = expand::constant(given, expr);
            declared.extend(quote!(const #name: ::core::primitive::u32 = #value;));
            Every::Const(name)
        }
        _ => Every::Iteration,
    }
}

/// `#[io2::no_yield]` where no `#[io2::preemptible]` takes it away.
pub(crate) fn no_yield(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let message = "`#[io2::no_yield]` goes on a loop of an `async fn` with #[io2::preemptible]; \
                   without that attribute no loop yields by itself";
    errors.at(Span::call_site(), message);
    let error = errors.into_tokens();
    // In the place of an expression only one can stand.
    if syn::parse2::<Item>(item.clone()).is_err() && syn::parse2::<Expr>(item.clone()).is_ok() {
        return error;
    }
    quote!(#item #error)
}
